//! `list`: a user's identities.

use crate::{
    args::List,
    commands::Run,
    failure::Failure,
    io::Io,
    json::{self, IdentityInFull, ListDocument},
    show,
};

pub(super) async fn run(run: &Run<'_>, list: &List, io: &mut Io<'_>) -> Result<(), Failure> {
    let target = run.target(io)?;
    let read = target.client.identities(&list.user_id).await;
    let user = read.map_err(target.failed(&list.user_id))?;
    let identities = user.identities().unwrap_or_default();
    let shown = if io.is_json() {
        json::line(&ListDocument {
            user_id: user.user_id().unwrap_or(&list.user_id),
            identities: IdentityInFull::all(identities),
        })?
    } else {
        show::table(io.out_paint(), identities.iter().map(show::Row::read))
    };
    io.result(&shown)
}
