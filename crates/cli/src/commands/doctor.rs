//! `doctor`: one read at the tenant, and what it shows of the way there, the token, its scopes, the clock and the limit.

use ::unlink::{
    Error, FindUsersByEmail,
    transport::{self, Answer, Response},
};

use crate::{
    commands::{
        Run, Target,
        diagnosis::{Diagnosis, Seen},
    },
    failure::Failure,
    io::Io,
    json,
};

/// Nobody has it: `.invalid` is [set apart](https://www.rfc-editor.org/rfc/rfc2606) for names that never are.
const NOBODY: &str = "doctor@auth0-unlink.invalid";

pub(super) async fn run(run: &Run<'_>, io: &mut Io<'_>) -> Result<(), Failure> {
    let target = run.target(io)?;
    let outcome = ask(&target).await;
    let answer = match &outcome {
        Ok(response) => Some(response),
        Err(error) => error.request().and_then(answered),
    };
    let claims = target.sent.claims();
    let date = answer.and_then(Response::date);
    let diagnosis = Diagnosis::new(Seen {
        tenant: &target.tenant,
        credentials: &target.credentials,
        refusal: outcome.as_ref().err(),
        claims: claims.as_ref(),
        clock_ahead: date.and_then(|date| target.sent.clock_ahead_of(date)),
        is_answered: answer.is_some(),
        rate_limit: answer.and_then(Response::rate_limit),
    });
    let told = if io.is_json() {
        json::line(&diagnosis.document())?
    } else {
        diagnosis.text(io.out_paint())
    };
    io.result(&told)?;
    diagnosis.failure().map_or(Ok(()), Err)
}

/// Looks for an e-mail address that nobody has, once: it shows no one's data, reads nothing but an index, and its
/// answer has the headers that an answer about an unknown user lacks. A refusal tells as much about a token that
/// may not read users.
pub(super) async fn ask(target: &Target) -> Result<Response, Error> {
    let call = target.client.transport().with_attempts(1).call();
    let found = call.execute(FindUsersByEmail::new(NOBODY)?).await?;
    Ok(found.response)
}

/// The tenant's answer, to the read or to the request for its token.
fn answered(error: &transport::Error) -> Option<&Response> {
    error.answer().map(Answer::response)
}
