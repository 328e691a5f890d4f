//! Metadata of tokens whose forms were encoded, and of those that were verified before a configuration had the form.

use accredit::jwks::key_stores::KeyStores;
use accredit_core::authn::identity::{EncodeIdentity, EncodedIdentity, Identity};
use accredit_core::authz::authorizer::{Authorizer, Judgement};
use accredit_core::authz::record::DecisionRecord;
use accredit_core::config::filter_config::MetadataForm;
use accredit_core::engine::{Engines, key_entries};
use accredit_test_support::keys::{rsa, set};
use accredit_test_support::token::Token;

use super::set as set_metadata;
use crate::check::http_stream::{
    ConnectionProperty, HttpStream, NotChanged, RawHeader, RouteConfiguration,
};
use crate::check::incoming::IncomingRequest;
use crate::process::encoded_forms::EncodedForms;
use crate::process::policy;
use crate::process::resumption::Resume;

/// A stream that records its metadata.
#[derive(Default)]
pub(in crate::check) struct RecordedStream {
    pub(in crate::check) headers: Vec<(&'static str, String)>,
    pub(in crate::check) resumption: Option<Box<dyn Resume>>,
    metadata: RecordedMetadata,
}

#[derive(Debug, Default, PartialEq)]
struct RecordedMetadata {
    texts: Vec<(String, String)>,
    numbers: Vec<(String, f64)>,
    fields: Vec<u8>,
}

impl HttpStream for RecordedStream {
    fn headers(&self) -> Option<Vec<RawHeader<'_>>> {
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| (*name, value.as_bytes()));
        Some(headers.collect())
    }

    fn property(&self, _: ConnectionProperty) -> Option<&[u8]> {
        None
    }

    fn route(&self) -> RouteConfiguration {
        RouteConfiguration::Absent
    }

    fn set_header(&mut self, _: &str, _: &str) -> Result<(), NotChanged> {
        Ok(())
    }

    fn add_header(&mut self, _: &str, _: &str) -> Result<(), NotChanged> {
        Ok(())
    }

    fn remove_header(&mut self, _: &str) -> Result<(), NotChanged> {
        Ok(())
    }

    fn set_metadata_texts<'t>(
        &mut self,
        texts: impl Iterator<Item = (&'t str, &'t str)>,
        _: usize,
    ) {
        let texts = texts.map(|(name, text)| (name.to_owned(), text.to_owned()));
        self.metadata.texts.extend(texts);
    }

    fn set_metadata_number(&mut self, name: &str, value: f64) {
        self.metadata.numbers.push((name.to_owned(), value));
    }

    fn set_metadata_struct(&mut self, fields: &[u8]) {
        self.metadata.fields.extend(fields);
    }

    fn count(&mut self, _: &DecisionRecord) {}

    fn resumption(&mut self) -> Option<Box<dyn Resume>> {
        self.resumption.take()
    }
}

impl RecordedStream {
    /// The stream of a request with this token.
    pub(in crate::check) fn with_token(token: &str) -> RecordedStream {
        let headers = [
            (":method", "GET"),
            (":authority", "api.test"),
            (":path", "/a"),
        ];
        let mut headers: Vec<_> = headers.map(|(name, value)| (name, value.to_owned())).into();
        headers.push(("authorization", format!("Bearer {token}")));
        RecordedStream {
            headers,
            ..RecordedStream::default()
        }
    }
}

const ISSUER: &str = "https://forms.test";

/// An authorizer of these engines.
fn authorizer(engines: &mut Engines, stores: &mut KeyStores) -> Authorizer {
    let keys = set([rsa(0).jwk("k")]);
    let text = format!(
        "issuers: [{{ issuer: '{ISSUER}', audiences: [api.test], jwks: {{ inline: '{keys}' }} }}]\n"
    );
    let read = policy::read(&text, None).expect("is valid");
    let mut settings = read.filter.resolved.settings;
    let leases = stores.lease(&key_entries(&settings));
    let leases = leases.expect("can be leased");
    engines.build(&mut settings, leases, None)
}

/// The record of an admitted token.
fn record(authorizer: &Authorizer, token: &str) -> DecisionRecord {
    let stream = RecordedStream::with_token(token);
    let incoming = IncomingRequest::read(&stream, false).expect("is text");
    let moment = accredit::envoy::service::now().expect("after 1970");
    match authorizer.judge(&incoming.request(&[]), moment) {
        Judgement::Judged(judged) => judged.record,
        other => panic!("not judged: {other:?}"),
    }
}

fn token() -> String {
    Token::of(ISSUER)
        .claim("roles", serde_json::json!(["a", "b"]))
        .signed(rsa(0))
}

fn metadata(record: &DecisionRecord, form: MetadataForm) -> RecordedMetadata {
    let mut stream = RecordedStream::default();
    set_metadata(&mut stream, record, &[], form);
    stream.metadata
}

/// Where the forms are that the cached token has.
fn kept_forms(record: &DecisionRecord) -> (Option<*const u8>, Option<*const u8>) {
    let parts = record.identity().expect("is admitted").encoded();
    let parts = parts.expect("is encoded");
    let full = parts.metadata.as_ref().map(|bytes| bytes.as_ptr());
    let flat = parts.flat_metadata.as_ref();
    let flat = flat.and_then(|flat| Some(flat.texts().next()?.0.as_ptr()));
    (full, flat)
}

fn with_no_form(identity: &Identity) -> EncodedIdentity {
    EncodedForms::none().encode(identity)
}

fn with_every_form(identity: &Identity) -> EncodedIdentity {
    let forms = EncodedForms::none();
    for form in [MetadataForm::Flat, MetadataForm::Full, MetadataForm::None] {
        forms.add(form, &Engines::default());
    }
    forms.encode(identity)
}

#[test]
fn a_form_that_was_not_encoded_at_first_sight_is_the_same_and_is_not_kept() {
    let token = token();
    let of = |encode: EncodeIdentity| {
        let mut engines = Engines::sharing_one_cache(encode);
        record(&authorizer(&mut engines, &mut KeyStores::default()), &token)
    };
    let encoded = of(with_every_form);
    let unencoded = of(with_no_form);
    let at_first_sight = kept_forms(&encoded);
    assert!(at_first_sight.0.is_some() && at_first_sight.1.is_some());
    for form in [MetadataForm::None, MetadataForm::Flat, MetadataForm::Full] {
        let [first, second] = [&encoded, &unencoded].map(|record| metadata(record, form));
        assert_eq!(first, second, "{form:?}");
        let is_empty = first == RecordedMetadata::default();
        assert_eq!(is_empty, form == MetadataForm::None, "{form:?}");
    }
    assert_eq!(kept_forms(&unencoded), (None, None));
    assert_eq!(kept_forms(&encoded), at_first_sight);
}

/// CONTRACT 7.3.1. The cached tokens would otherwise occupy more than their weights, or be encoded at every check.
#[test]
fn a_configuration_with_a_form_that_none_had_starts_with_an_empty_token_cache() {
    static FORMS: EncodedForms = EncodedForms::none();
    let token = token();
    let mut engines = Engines::sharing_one_cache(|identity| FORMS.encode(identity));
    let mut stores = KeyStores::default();
    let first = authorizer(&mut engines, &mut stores);
    let kept = |authorizer: &Authorizer| {
        let (full, flat) = kept_forms(&record(authorizer, &token));
        (full.is_some(), flat.is_some())
    };
    let cached = || first.authenticator().token_cache().len();
    assert_eq!(kept(&first), (false, false));
    for (form, expected) in [
        (MetadataForm::None, (false, false)),
        (MetadataForm::Flat, (false, true)),
        (MetadataForm::Full, (true, true)),
    ] {
        let has_new_form = form != MetadataForm::None;
        assert_eq!(cached(), 1);
        FORMS.add(form, &engines);
        assert_eq!(cached(), usize::from(!has_new_form), "{form:?}");
        // The configuration that is superseded has the same cache.
        let second = authorizer(&mut engines, &mut stores);
        assert_eq!(kept(&second), expected, "{form:?}");
        let before = kept_forms(&record(&first, &token));
        assert_eq!(kept_forms(&record(&second, &token)), before);
        // A form that is known already changes nothing.
        FORMS.add(form, &engines);
        assert_eq!(kept_forms(&record(&second, &token)), before);
    }
}
