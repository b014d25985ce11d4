//! Ending a run from outside: after what is in flight, or at once.

use tokio::sync::watch;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    GoOn,
    Finish,
    AtOnce,
}

/// Ends a run, as Ctrl-C does.
#[derive(Clone, Debug)]
pub struct Stopper(watch::Sender<Wish>);

impl Stopper {
    /// Begins no further row; what is in flight is waited for.
    pub fn finish(&self) {
        self.0.send_if_modified(|wish| {
            let is_new = *wish == Wish::GoOn;
            if is_new {
                *wish = Wish::Finish;
            }
            is_new
        });
    }

    /// Waits for nothing: what is in flight is read by the next run.
    pub fn at_once(&self) {
        self.0.send_replace(Wish::AtOnce);
    }
}

/// What a run listens to.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<Wish>);

impl Stop {
    /// A stop and what gives it; dropping the latter stops nothing.
    #[must_use]
    pub fn new() -> (Stopper, Self) {
        let (sender, receiver) = watch::channel(Wish::GoOn);
        (Stopper(sender), Self(receiver))
    }

    pub(super) fn wish(&self) -> Wish {
        *self.0.borrow()
    }

    /// Returns when it is to end in any way; never, if nobody can say so any more.
    pub(crate) async fn wished(&mut self) {
        while self.wish() == Wish::GoOn {
            self.changed().await;
        }
    }

    /// Returns when the wish has changed; never, if nobody can change it any more.
    pub(super) async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending().await
        }
    }
}
