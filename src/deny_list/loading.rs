//! Loads a deny list once: from a file, or from an address with the restrictions of key set fetches (CONTRACT 5.8).

use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use accredit_core::config::deny_list::DenyListReader;
use accredit_core::config::deny_list::fault::UnusableDenyList;
use accredit_core::keys::source::KeyAddress;
use accredit_core::revocation::list::DenyList;

use crate::deny_list::error::DenyListError;
use crate::jwks::conditional::{Conditional, Validators};
use crate::jwks::issuer_client::IssuerClient;
use crate::regular_file;

/// The maximum size of a list, in bytes. The limit of key sets, 1 MiB, would permit only about ten thousand entries.
const MAX_LIST: usize = 256 * 1024 * 1024;

const PIECE: usize = 64 * 1024;

const MEDIA_TYPES: &str =
    "application/jsonl, application/x-ndjson, application/yaml, application/json;q=0.9, */*;q=0.5";

/// Reads the list of a file.
///
/// # Errors
/// [`DenyListError`]
pub(crate) fn read_file(path: &Path) -> Result<DenyList, DenyListError> {
    let failed = |cause| DenyListError::File {
        path: path.to_owned(),
        cause,
    };
    let unusable = |unusable| DenyListError::Unusable {
        origin: path.display().to_string(),
        unusable,
    };
    let file = regular_file::open(path).map_err(failed)?;
    let mut file = file.take(MAX_LIST as u64 + 1);
    let mut reader = DenyListReader::default();
    let mut buffer = vec![0; PIECE];
    let mut size = 0;
    loop {
        let count = file.read(&mut buffer).map_err(failed)?;
        if count == 0 {
            return reader.finish().map_err(unusable);
        }
        size += count;
        if size > MAX_LIST {
            let cause = format!("larger than {} MiB", MAX_LIST >> 20);
            return Err(failed(std::io::Error::new(
                std::io::ErrorKind::FileTooLarge,
                cause,
            )));
        }
        reader
            .feed(buffer.get(..count).unwrap_or_default())
            .map_err(unusable)?;
    }
}

/// Fetches the list of an address. `None` if it has not changed since `validators`, which are replaced otherwise.
///
/// # Errors
/// [`DenyListError`]
pub(crate) async fn fetch(
    client: &IssuerClient,
    address: &KeyAddress,
    timeout: Duration,
    validators: &mut Validators,
) -> Result<Option<DenyList>, DenyListError> {
    let fetched = tokio::time::timeout(timeout, fetch_text(client, address, validators)).await;
    let Ok(fetched) = fetched else {
        return Err(DenyListError::TimedOut {
            address: address.to_string(),
            limit: timeout,
        });
    };
    let Some((origin, reader, latest)) = fetched? else {
        return Ok(None);
    };
    // Sorting a million entries takes noticeable time, so it runs on another thread.
    let finished = tokio::task::spawn_blocking(move || reader?.finish()).await;
    let list = finished
        .map_err(|_| DenyListError::Internal)?
        .map_err(|unusable| DenyListError::Unusable { origin, unusable })?;
    *validators = latest;
    Ok(Some(list))
}

type FedReader = Result<DenyListReader, UnusableDenyList>;

async fn fetch_text(
    client: &IssuerClient,
    address: &KeyAddress,
    validators: &Validators,
) -> Result<Option<(String, FedReader, Validators)>, DenyListError> {
    let answer = validators.get(client, address, MEDIA_TYPES).await;
    let changed = match answer.map_err(DenyListError::Request)? {
        Conditional::Unchanged(_) => return Ok(None),
        Conditional::Changed(changed) => changed,
    };
    let origin = changed.answer.address.clone();
    let mut reader = DenyListReader::default();
    let mut unusable = None;
    let read = changed.answer.read(MAX_LIST, |piece| {
        unusable = reader.feed(piece).err();
        match unusable {
            None => ControlFlow::Continue(()),
            Some(_) => ControlFlow::Break(()),
        }
    });
    read.await.map_err(DenyListError::Request)?;
    let reader = match unusable {
        None => Ok(reader),
        Some(unusable) => Err(unusable),
    };
    Ok(Some((origin, reader, changed.validators)))
}
