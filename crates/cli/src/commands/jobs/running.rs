//! A run of a job from here: interrupts in, results and progress out, until it ends.

use std::pin::pin;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use unlink::transport::Client;
use unlink_batch::{Error, Progress, Stopper, Wait};

use crate::{
    commands::jobs::progress::Shown, exit::Kind, failure::Failure, interrupt::Interrupts, io::Io,
};

/// What a run tells on its way.
#[derive(Debug)]
pub(super) enum News {
    Result(Box<Progress>),
    Waits(Wait),
}

/// What of a run is shown.
#[derive(Clone, Copy)]
pub(super) struct Showing {
    /// How many results there are at most.
    pub(super) rows: u64,
    /// Whether each is printed for those who want documents.
    pub(super) prints: bool,
}

/// What a run is to call, and where its calls come out.
pub(super) fn news() -> (
    impl FnMut(&Progress) + Send + 'static,
    impl FnMut(&Wait) + Send + 'static,
    UnboundedReceiver<News>,
) {
    let (told, news) = unbounded_channel();
    let waits = told.clone();
    // Nobody listens any more only where the run has ended.
    let on_result =
        move |result: &Progress| drop(told.send(News::Result(Box::new(result.clone()))));
    let on_wait = move |wait: &Wait| drop(waits.send(News::Waits(wait.clone())));
    (on_result, on_wait, news)
}

/// How a run went.
pub(super) struct Ran<T> {
    pub(super) ended: Result<T, Error>,
    /// The first results: row, user, identity and outcome.
    pub(super) first: Vec<[String; 4]>,
    /// Why results could not be written, which stopped the run.
    pub(super) broken: Option<Failure>,
}

/// Runs to the end, or to the stop that an interrupt or a broken output makes.
pub(super) async fn drive<T>(
    running: impl Future<Output = Result<T, Error>>,
    mut news: UnboundedReceiver<News>,
    stopper: Stopper,
    client: &Client,
    showing: Showing,
    io: &mut Io<'_>,
) -> Result<Ran<T>, Failure> {
    let mut interrupts = Interrupts::listen().map_err(|error| {
        Failure::new(Kind::File, "interrupts cannot be listened to").because(&error)
    })?;
    let time = client.time();
    let mut shown = Shown::new(showing.rows, showing.prints, time.now(), io);
    let mut broken = None;
    let mut is_interrupted = false;
    let mut running = pin!(running);
    let mut look = time.sleep(shown.look_every());
    let ended = loop {
        tokio::select! {
            biased;
            () = interrupts.next() => {
                if is_interrupted {
                    stopper.at_once();
                } else {
                    is_interrupted = true;
                    stopper.finish();
                    shown.say("Interrupted: what is in flight is finished; a second interrupt ends it at once.", io);
                }
            }
            Some(told) = news.recv() => match told {
                News::Waits(wait) => shown.waits(wait, &client.pace(), time.now(), io),
                News::Result(result) if broken.is_none() => {
                    broken = shown.result(&result, time.now(), io).err();
                    if broken.is_some() {
                        // Whoever should read the results is gone, or the disk is full: nothing more is begun.
                        stopper.finish();
                    }
                }
                News::Result(_) => {}
            },
            ended = &mut running => break ended,
            () = &mut look => {
                shown.look(&client.pace(), time.now(), io);
                look = time.sleep(shown.look_every());
            }
        }
    };
    while let Ok(told) = news.try_recv() {
        if let News::Result(result) = told
            && broken.is_none()
        {
            broken = shown.result(&result, time.now(), io).err();
        }
    }
    Ok(Ran {
        ended,
        first: shown.end(),
        broken,
    })
}
