//! `accredit explain`

use std::collections::HashMap;
use std::fmt::Display;
use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::admin::client_error::AdminError;
use crate::admin::pb;
use crate::app::explain::explain;
use crate::cli::admin::{ProofArgs, RunningService};
use crate::cli::exit::{ExitCode, complain, say, say_json};
use crate::cli::paint::Paint;
use crate::cli::render;
use crate::cli::run::on_main_runtime;
use crate::cli::settings::{ConfigFlags, STANDARD_INPUT, environment, file, settings};
use crate::regular_file;

/// The maximum length of standard input, in bytes. It exceeds the longest token that a configuration can accept.
const MAX_TOKEN_INPUT: u64 = 64 * 1024;

/// The maximum length of a certificate file, in bytes.
const MAX_CERTIFICATE: u64 = 64 * 1024;

/// Flags of `accredit explain`. The token comes on standard input, so that a list of processes does not show it.
#[derive(Args, Debug)]
pub(crate) struct ExplainArgs {
    /// The configuration file [env: ACCREDIT_CONFIG] [default: /etc/accredit/accredit.yaml]
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A file with the token, in place of standard input
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The method of the request [default: GET]
    #[arg(long, value_name = "M")]
    method: Option<String>,
    /// The host of the request [default: localhost]
    #[arg(long, value_name = "H")]
    host: Option<String>,
    /// The path of the request, with its query [default: /]
    #[arg(long, value_name = "P")]
    path: Option<String>,
    /// A header of the request, such as 'content-type: application/json'; repeatable
    #[arg(long = "header", value_name = "K:V")]
    headers: Vec<String>,
    /// An entry of Envoy's context_extensions, such as tier=internal; repeatable
    #[arg(long = "context", value_name = "K=V")]
    context: Vec<String>,
    /// The IP address of the connection's peer, without port
    #[arg(long, value_name = "ADDRESS")]
    source_address: Option<String>,
    /// The principal of the connection's peer, such as a SPIFFE ID
    #[arg(long, value_name = "NAME")]
    source_principal: Option<String>,
    /// The client certificate of the connection's peer (PEM), for tokens that are bound to one
    #[arg(long, value_name = "FILE")]
    source_certificate: Option<PathBuf>,
    /// The scheme of the request, http or https, for DPoP proofs [default: https]
    #[arg(long, value_name = "SCHEME")]
    scheme: Option<String>,
    /// Ask the running service at this admin address; it uses its current configuration and keys, and changes nothing
    #[arg(long, value_name = "ADDR", conflicts_with = "config")]
    admin: Option<String>,
    #[command(flatten)]
    proofs: ProofArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: ExplainArgs) -> ExitCode {
    match &args.admin {
        Some(admin) => match args.proofs.service_at(admin) {
            Ok(service) => live(&args, &service),
            Err(code) => code,
        },
        None => offline(&args),
    }
}

fn offline(args: &ExplainArgs) -> ExitCode {
    let typed = ConfigFlags {
        config: args.config.clone(),
        ..ConfigFlags::default()
    };
    let config_on_input = file(&typed, &environment).as_deref() == Some(Path::new(STANDARD_INPUT));
    if config_on_input && args.token_file.is_none() {
        complain(
            "--config - and ACCREDIT_CONFIG=- take the configuration from standard input; name a file with the token by --token-file",
        );
        return ExitCode::BadUsage;
    }
    let config = match settings(typed, &environment, None, |warning| complain(warning)) {
        Ok(config) => config,
        Err(error) => {
            error.complain();
            return ExitCode::BadUsage;
        }
    };
    with_request(args, async |request| {
        let explained = Box::pin(explain(config.resolved.settings, request)).await;
        explained.map_err(|error| match error.is_of_configuration() {
            true => (ExitCode::BadUsage, error.to_string()),
            false => (ExitCode::Failed, error.to_string()),
        })
    })
}

fn live(args: &ExplainArgs, service: &RunningService) -> ExitCode {
    with_request(args, async |request| {
        let result = async { service.connect().await?.explain(request).await };
        result
            .await
            .map_err(|error: AdminError| (ExitCode::Failed, error.to_string()))
    })
}

fn with_request(
    args: &ExplainArgs,
    explain: impl AsyncFnOnce(pb::ExplainRequest) -> Result<pb::Explanation, (ExitCode, String)>,
) -> ExitCode {
    let request = match request(args) {
        Ok(request) => request,
        Err(problem) => {
            complain(problem);
            return ExitCode::BadUsage;
        }
    };
    on_main_runtime(async {
        match explain(request).await {
            Ok(explanation) => print(&explanation, args.json),
            Err((code, error)) => {
                complain(error);
                code
            }
        }
    })
}

fn print(explanation: &pb::Explanation, json: bool) -> ExitCode {
    let said = match json {
        true => say_json(&render::json(explanation)),
        false => say(&render::text(explanation, Paint::of(&std::io::stdout()))),
    };
    match said {
        ExitCode::Done if explanation.decision == "deny" => ExitCode::Denied,
        code => code,
    }
}

fn request(args: &ExplainArgs) -> Result<pb::ExplainRequest, String> {
    let mut headers = Vec::new();
    for header in &args.headers {
        let (name, value) = header
            .split_once(':')
            .ok_or("--header needs the form K:V, such as 'content-type: application/json'")?;
        // HTTP removes only spaces and tabs from the ends of a value (RFC 9110 section 5.5). Other white space reaches
        // the service.
        let trimmed = |text: &str| text.trim_matches([' ', '\t']).to_owned();
        headers.push(pb::Header {
            name: trimmed(name),
            value: trimmed(value),
        });
    }
    let mut context = HashMap::new();
    for entry in &args.context {
        let (name, value) = entry
            .split_once('=')
            .ok_or("--context needs the form K=V, such as 'tier=internal'")?;
        context.insert(name.to_owned(), value.to_owned());
    }
    Ok(pb::ExplainRequest {
        token: token(args.token_file.as_deref())?,
        method: args.method.clone(),
        host: args.host.clone(),
        path: args.path.clone(),
        headers,
        context,
        source_address: args.source_address.clone().unwrap_or_default(),
        source_principal: args.source_principal.clone().unwrap_or_default(),
        source_certificate: source_certificate(args.source_certificate.as_deref())?,
        scheme: args.scheme.clone(),
    })
}

/// Reads the certificate as Envoy sends it: URL-encoded PEM.
fn source_certificate(file: Option<&Path>) -> Result<String, String> {
    let Some(file) = file else {
        return Ok(String::new());
    };
    let unreadable = |cause: String| format!("--source-certificate {}: {cause}", file.display());
    let pem =
        regular_file::read(file, MAX_CERTIFICATE).map_err(|error| unreadable(error.to_string()))?;
    Ok(percent_encoding::percent_encode(&pem, percent_encoding::NON_ALPHANUMERIC).to_string())
}

/// Reads the token from the file, or else from standard input, with the same limit. A terminal or empty input means no token.
fn token(file: Option<&Path>) -> Result<Option<String>, String> {
    if let Some(file) = file {
        let unreadable = |cause: String| format!("--token-file {}: {cause}", file.display());
        let bytes = regular_file::read(file, MAX_TOKEN_INPUT)
            .map_err(|error| unreadable(error.to_string()))?;
        let text =
            String::from_utf8(bytes).map_err(|_| unreadable("the text is not UTF-8".to_owned()))?;
        let token = text.trim();
        return Ok((!token.is_empty()).then(|| token.to_owned()));
    }
    let input = std::io::stdin();
    if input.is_terminal() {
        return Ok(None);
    }
    let unreadable =
        |cause: &dyn Display| format!("cannot read the token from standard input: {cause}");
    let mut bytes = Vec::new();
    let read = input
        .lock()
        .take(MAX_TOKEN_INPUT + 1)
        .read_to_end(&mut bytes);
    read.map_err(|error| unreadable(&error))?;
    // A longer input is an error, because a token that is cut off would get another reason.
    if bytes.len() as u64 > MAX_TOKEN_INPUT {
        return Err(unreadable(&format!("larger than {MAX_TOKEN_INPUT} bytes")));
    }
    let text = String::from_utf8(bytes).map_err(|_| unreadable(&"the text is not UTF-8"))?;
    let token = text.trim();
    Ok((!token.is_empty()).then(|| token.to_owned()))
}
