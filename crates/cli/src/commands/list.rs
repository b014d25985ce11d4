//! `list`: a user's identities.

use ::unlink::{ErrorKind, transport::ErrorKind as Request};

use crate::{
    args::List,
    commands::Run,
    exit::Kind,
    failure::Failure,
    io::Io,
    json::{self, IdentityInFull, ListDocument},
    show,
};

pub(super) async fn run(run: &Run<'_>, list: &List, io: &mut Io<'_>) -> Result<(), Failure> {
    let target = run.target(io)?;
    let read = target.client.identities(&list.user_id).await;
    let user = read.map_err(target.failed(&list.user_id))?;
    // A portal before the tenant answers with success and JSON too, but with no user.
    let identities = user.identities().ok_or_else(|| {
        let kind = Kind::Operation(ErrorKind::Request(Request::Decode));
        let message = "the tenant's answer is not the documented one";
        Failure::new(kind, format!("{message}: identities: the key is missing"))
    })?;
    let shown = if io.is_json() {
        json::line(&ListDocument {
            user_id: user.user_id().unwrap_or(&list.user_id),
            identities: IdentityInFull::all(identities),
        })?
    } else {
        show::table(
            io.out_paint(),
            identities.iter().map(show::Row::read),
            Some(true),
        )
    };
    io.result(&shown)
}
