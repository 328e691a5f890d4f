//! The configurations of routes that this module has made.
//!
//! A route can have a configuration of another version of the module, when Envoy has updated its listeners and not yet its routes.
//! So a pointer that Envoy gives is looked up, and is never followed.

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::{Arc, PoisonError, RwLock};

use accredit_core::config::route_config::RouteSettings;

use crate::check::http_stream::RouteConfiguration;

static ROUTES: RwLock<Option<RoutesByAddress>> = RwLock::new(None);

/// By the address of a byte that belongs to the configuration.
type RoutesByAddress = HashMap<usize, (Box<u8>, Arc<RouteSettings>)>;

/// Keeps the configuration of a route, and returns the pointer under which Envoy names it.
pub fn keep(settings: RouteSettings) -> *const c_void {
    let byte = Box::new(0);
    let pointer: *const u8 = &*byte;
    let mut routes = ROUTES.write().unwrap_or_else(PoisonError::into_inner);
    routes
        .get_or_insert_default()
        .insert(pointer.addr(), (byte, Arc::new(settings)));
    pointer.cast()
}

/// Forgets the configuration of a route.
pub fn forget(pointer: *const c_void) {
    let mut routes = ROUTES.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(routes) = &mut *routes {
        routes.remove(&pointer.addr());
    }
}

/// The configuration that Envoy names by that pointer.
pub fn find(pointer: *const c_void) -> RouteConfiguration {
    if pointer.is_null() {
        return RouteConfiguration::Absent;
    }
    let routes = ROUTES.read().unwrap_or_else(PoisonError::into_inner);
    let found = routes
        .as_ref()
        .and_then(|routes| routes.get(&pointer.addr()));
    found.map_or(RouteConfiguration::Foreign, |(_, settings)| {
        RouteConfiguration::Settings(settings.clone())
    })
}

#[cfg(test)]
mod tests {
    use accredit_core::config::route_config::RouteSettings;

    use super::{find, forget, keep};
    use crate::check::http_stream::RouteConfiguration;

    #[test]
    fn a_route_configuration_that_this_module_did_not_make_is_foreign() {
        let absent = find(std::ptr::null());
        assert_eq!(absent, RouteConfiguration::Absent);
        let pointer = keep(RouteSettings::Disabled);
        let found = find(pointer);
        assert_eq!(
            found,
            RouteConfiguration::Settings(RouteSettings::Disabled.into())
        );
        let other = 0_u64;
        let foreign = find((&raw const other).cast());
        assert_eq!(foreign, RouteConfiguration::Foreign);
        forget(pointer);
        assert_eq!(find(pointer), RouteConfiguration::Foreign);
    }
}
