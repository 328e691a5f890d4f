//! The configurations of routes that this module has made.
//!
//! A route can have a configuration of another version of the module, when Envoy has updated its listeners and not yet its routes.
//! So a pointer that Envoy gives is looked up, and is never followed.

use std::ffi::c_void;
use std::sync::Arc;

use accredit_core::config::route_config::RouteSettings;
use arc_swap::ArcSwapOption;

use crate::check::http_stream::RouteConfiguration;

/// The parts of the table of configurations. Requests read a part without a lock, and a change copies it, so that the parts are many: Envoy
/// can have thousands of routes.
const PARTS: usize = 1024;

static ROUTES: [RoutesPart; PARTS] = [const { RoutesPart::const_empty() }; PARTS];

/// Envoy names a configuration by its address, which no other has while the table has it.
type RoutesPart = ArcSwapOption<Vec<Arc<RouteSettings>>>;

/// Keeps the configuration of a route, and returns the pointer under which Envoy names it.
pub fn keep(settings: RouteSettings) -> *const c_void {
    let settings = Arc::new(settings);
    let pointer = Arc::as_ptr(&settings).cast();
    change_part_of(pointer, |routes| routes.push(settings.clone()));
    pointer
}

/// Forgets the configuration of a route.
pub fn forget(pointer: *const c_void) {
    change_part_of(pointer, |routes| routes.retain(|own| !is_at(own, pointer)));
}

/// The configuration that Envoy names by that pointer.
pub fn find(pointer: *const c_void) -> RouteConfiguration {
    if pointer.is_null() {
        return RouteConfiguration::Absent;
    }
    let routes = part_of(pointer).map(RoutesPart::load);
    let mut routes = routes.iter().filter_map(|routes| routes.as_ref());
    let found = routes.find_map(|routes| routes.iter().find(|own| is_at(own, pointer)));
    found.map_or(RouteConfiguration::Foreign, |settings| {
        RouteConfiguration::Settings(settings.clone())
    })
}

fn change_part_of(pointer: *const c_void, change: impl Fn(&mut Vec<Arc<RouteSettings>>)) {
    if let Some(part) = part_of(pointer) {
        part.rcu(|routes| {
            let mut routes = routes.as_deref().cloned().unwrap_or_default();
            change(&mut routes);
            (!routes.is_empty()).then(|| Arc::new(routes))
        });
    }
}

/// There is a part for each pointer. Allocators give addresses that are multiples of 16 to values of this size.
fn part_of(pointer: *const c_void) -> Option<&'static RoutesPart> {
    ROUTES.get(pointer.addr() / 16 % PARTS)
}

fn is_at(settings: &Arc<RouteSettings>, pointer: *const c_void) -> bool {
    Arc::as_ptr(settings).addr() == pointer.addr()
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

    #[test]
    fn each_of_many_configurations_is_found_until_it_is_forgotten() {
        let settings = |number: usize| RouteSettings::Checked {
            context: vec![("number".to_owned(), number.to_string())],
        };
        let mut kept: Vec<_> = (0..5_000)
            .map(|number| (number, keep(settings(number))))
            .collect();
        while let Some((number, pointer)) = kept.pop() {
            assert_eq!(
                find(pointer),
                RouteConfiguration::Settings(settings(number).into())
            );
            forget(pointer);
            assert_eq!(find(pointer), RouteConfiguration::Foreign);
            if let Some((number, pointer)) = kept.first() {
                assert_eq!(
                    find(*pointer),
                    RouteConfiguration::Settings(settings(*number).into())
                );
            }
        }
    }
}
