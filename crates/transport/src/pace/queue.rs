//! The queue before the limits: one after the other, the urgent first, and after a 429 one alone.

use std::{
    collections::HashMap,
    future::poll_fn,
    mem,
    sync::{Arc, Mutex, PoisonError},
    task::{Poll, Waker},
    time::Duration,
};

use super::{
    Pace, Pacing, Priority,
    bucket::{Answer, Reading},
    lane::{Lane, Place, Route},
};
use crate::{
    rate_limit::RateLimit,
    request::{Request, Response},
    round_trip::BoxFuture,
    time::Time,
};

/// How late a request may be that waited, in seconds, without those after it being later as well at a fixed rate.
const MADE_UP: f64 = 0.1;
/// Seconds after which a request goes that let another one go first, if that did not.
const YIELDED: f64 = 0.01;

/// The turns of one client and all its clones.
#[derive(Debug)]
pub(crate) struct Pacer(Mutex<State>);

#[derive(Debug)]
struct State {
    options: Pacing,
    lanes: Vec<Lane>,
    routes: HashMap<Route, usize>,
    /// The lane that was last sent to: where a request of another kind waits first.
    latest: usize,
    callers: u64,
    /// When the next request is due at the fixed rate.
    due: f64,
    in_flight: usize,
    sent: u64,
    refused: u64,
    waited: f64,
    /// Who is woken when the state is let go of.
    woken: Vec<Waker>,
}

/// A caller of the pacer: it keeps its place when it has to send again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    priority: Priority,
    number: u64,
}

/// How a request that had its turn ended.
pub(crate) enum Ended<'a> {
    Answered(&'a Response),
    /// 429: nothing more is sent for so long.
    Limited(&'a Response, Duration),
    /// Its answer was lost.
    Unknown,
    NotSent,
}

impl Pacer {
    pub(crate) fn new(options: Pacing) -> Self {
        Self(Mutex::new(State {
            options,
            lanes: vec![Lane::new(options)],
            routes: HashMap::new(),
            latest: 0,
            callers: 0,
            due: f64::NEG_INFINITY,
            in_flight: 0,
            sent: 0,
            refused: 0,
            waited: 0.0,
            woken: Vec::new(),
        }))
    }

    /// Takes a number; who has the lower one is served first.
    pub(crate) fn caller(&self, priority: Priority) -> Caller {
        self.with(|state| {
            state.callers += 1;
            Caller {
                priority,
                number: state.callers,
            }
        })
    }

    /// Waits for the turn of a request, which has to be sent at once then, but not beyond `ends`.
    ///
    /// # Errors
    ///
    /// When its turn would be, where that is later than `ends`.
    pub(crate) async fn turn(
        self: &Arc<Self>,
        time: &dyn Time,
        caller: Caller,
        request: &Request,
        ends: Duration,
    ) -> Result<Turn, Duration> {
        let begun = time.now().as_secs_f64();
        let ends = ends.as_secs_f64();
        let mut waiter = Waiter {
            pacer: self,
            route: Route::of(request),
            place: Place(caller.priority, caller.number),
            since: begun,
            lane: None,
            has_yielded: false,
        };
        let mut alarm: Option<(f64, BoxFuture<()>)> = None;
        poll_fn(|cx| {
            loop {
                let now = time.now().as_secs_f64();
                match waiter.look(now, ends, cx.waker()) {
                    Look::Go { lane, number } => {
                        self.with(|state| state.waited += now - begun);
                        return Poll::Ready(Ok(Turn {
                            pacer: Arc::clone(self),
                            route: waiter.route.clone(),
                            lane,
                            number,
                            sent: now,
                            has_ended: false,
                        }));
                    }
                    Look::TooLate(until) => {
                        return Poll::Ready(Err(
                            Duration::try_from_secs_f64(until).unwrap_or(Duration::MAX)
                        ));
                    }
                    Look::Wait(until) => {
                        let until = until.min(ends);
                        let is_set = alarm
                            .as_ref()
                            .is_some_and(|(at, _)| now < *at && *at <= until);
                        if !is_set {
                            let wait = Duration::try_from_secs_f64((until - now).max(1e-4));
                            alarm = Some((until, time.sleep(wait.unwrap_or(Duration::MAX))));
                        }
                        let Some((_, sleep)) = &mut alarm else {
                            return Poll::Pending;
                        };
                        if sleep.as_mut().poll(cx).is_pending() {
                            return Poll::Pending;
                        }
                        alarm = None;
                    }
                }
            }
        })
        .await
    }

    /// What was learned, and how requests fared.
    pub(crate) fn pace(&self, now: Duration) -> Pace {
        self.with(|state| state.pace(now.as_secs_f64()))
    }

    /// Does something to the state, and wakes whom that concerns once it is let go of.
    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let done = act(&mut state);
        let woken = mem::take(&mut state.woken);
        drop(state);
        woken.into_iter().for_each(Waker::wake);
        done
    }
}

impl State {
    fn pace(&mut self, now: f64) -> Pace {
        let state = self;
        let mut order: Vec<_> = (0..state.lanes.len()).collect();
        order.sort_by_key(|lane| *lane != state.latest);
        let mut next = f64::INFINITY;
        for lane in &mut state.lanes {
            if !lane.waiting.is_empty() {
                next = next.min(lane.bucket.next(now).max(state.due));
            }
        }
        Pace {
            limits: order
                .into_iter()
                .filter(|lane| state.routes.values().any(|of| of == lane))
                .filter_map(|lane| state.lanes[lane].limit())
                .collect(),
            waiting: state.lanes.iter().map(|lane| lane.waiting.len()).sum(),
            in_flight: state.in_flight,
            next: next.is_finite().then(|| {
                Duration::try_from_secs_f64((next - now).max(0.0)).unwrap_or(Duration::MAX)
            }),
            sent: state.sent,
            refused: state.refused,
            waited: Duration::try_from_secs_f64(state.waited).unwrap_or(Duration::MAX),
        }
    }
}

enum Look {
    Go {
        lane: usize,
        number: u64,
    },
    /// Until then, or until woken.
    Wait(f64),
    TooLate(f64),
}

/// A request that waits; it leaves the queue however its caller ends.
struct Waiter<'a> {
    pacer: &'a Pacer,
    route: Route,
    place: Place,
    since: f64,
    lane: Option<usize>,
    has_yielded: bool,
}

impl Waiter<'_> {
    fn look(&mut self, now: f64, ends: f64, waker: &Waker) -> Look {
        self.pacer
            .with(|state| self.look_at(state, now, ends, waker))
    }

    fn look_at(&mut self, state: &mut State, now: f64, ends: f64, waker: &Waker) -> Look {
        let lane = state
            .routes
            .get(&self.route)
            .copied()
            .unwrap_or(state.latest);
        if self.lane != Some(lane) {
            self.leave(state);
            self.lane = Some(lane);
        }
        let of = &mut state.lanes[lane];
        // Neither comes earlier, whatever is answered.
        let certain = of
            .bucket
            .closed_until()
            .map_or(state.due, |until| until.max(state.due));
        if certain > ends {
            return self.late(state, certain);
        }
        of.waiting.insert(self.place, Some(waker.clone()));
        let next = of.bucket.next(now).max(state.due);
        let is_busy = state
            .options
            .in_flight
            .is_some_and(|most| state.in_flight >= most.get() as usize);
        if is_busy || next > now || of.first() != Some(self.place) {
            self.has_yielded = false;
            return if now >= ends {
                self.late(state, next)
            } else if is_busy || state.lanes[lane].first() != Some(self.place) {
                // Woken when that changes.
                Look::Wait(ends)
            } else {
                Look::Wait(next)
            };
        }
        if !self.has_yielded && state.wakes_more_urgent(self.place, now) {
            self.has_yielded = true;
            return Look::Wait(now + YIELDED);
        }
        let number = state.lanes[lane].bucket.send(now);
        state.latest = lane;
        state.in_flight += 1;
        state.sent += 1;
        if let Some(rate) = state.options.rate {
            let due = self.since.max(now - MADE_UP);
            state.due = state.due.max(due) + 1.0 / rate;
        }
        self.leave(state);
        Look::Go { lane, number }
    }

    fn late(&mut self, state: &mut State, next: f64) -> Look {
        self.leave(state);
        Look::TooLate(next)
    }

    fn leave(&mut self, state: &mut State) {
        if let Some(lane) = self.lane.take() {
            let lane = &mut state.lanes[lane];
            lane.waiting.remove(&self.place);
            lane.wake_next(&mut state.woken);
        }
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        if self.lane.is_some() {
            self.pacer.with(|state| self.leave(state));
        }
    }
}

/// A request that may be sent now, once; what became of it is told by [`end`](Self::end).
#[derive(Debug)]
pub(crate) struct Turn {
    pacer: Arc<Pacer>,
    route: Route,
    lane: usize,
    number: u64,
    sent: f64,
    has_ended: bool,
}

impl Turn {
    pub(crate) fn end(mut self, now: Duration, ended: &Ended<'_>) {
        let now = now.as_secs_f64();
        let response = match ended {
            Ended::Answered(response) | Ended::Limited(response, _) => Some(*response),
            Ended::Unknown | Ended::NotSent => None,
        };
        let reading = response.and_then(Response::rate_limit).map(reading);
        let answer = match (ended, reading) {
            (Ended::Limited(_, wait), _) => Answer::Limited(wait.as_secs_f64()),
            (Ended::Answered(_), Some(reading)) => Answer::Counted(reading),
            (Ended::Answered(response), None) if response.status().is_success() => {
                Answer::Unlimited
            }
            // Refusals name no limit, and whether they are counted is not said. Who has no token may not get that far.
            (Ended::Answered(response), None)
                if response.status().is_client_error() && response.status() != 401 =>
            {
                Answer::Refused
            }
            (Ended::Answered(_) | Ended::Unknown, _) => Answer::Unknown,
            (Ended::NotSent, _) => Answer::NotSent,
        };
        let date = response.and_then(Response::unix_date);
        self.finish(now, answer, date);
    }

    fn finish(&mut self, now: f64, answer: Answer, date: Option<i64>) {
        self.has_ended = true;
        let pacer = Arc::clone(&self.pacer);
        pacer.with(|state| self.finish_in(state, now, answer, date));
    }

    fn finish_in(&mut self, state: &mut State, now: f64, answer: Answer, date: Option<i64>) {
        state.in_flight -= 1;
        state.refused += u64::from(matches!(answer, Answer::Limited(_)));
        if let Answer::Counted(reading) = answer {
            let home = state.home(&self.route, self.lane, reading.limit);
            if home != self.lane {
                // It was counted elsewhere.
                let lane = &mut state.lanes[self.lane];
                lane.bucket.end(self.number, now, Answer::NotSent, date);
                lane.wake_all(&mut state.woken);
                self.lane = home;
                self.number = state.lanes[home].bucket.adopt(self.sent);
            }
        }
        let lane = &mut state.lanes[self.lane];
        let was_closed = lane.bucket.closed_until().is_some();
        lane.bucket.end(self.number, now, answer, date);
        if !was_closed && lane.bucket.closed_until().is_some() {
            lane.wake_all(&mut state.woken);
        }
        if state.options.in_flight.is_some() {
            for lane in &mut state.lanes {
                lane.wake_next(&mut state.woken);
            }
        } else {
            state.lanes[self.lane].wake_next(&mut state.woken);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.has_ended {
            // Given up by its caller: it may have been counted.
            self.finish(self.sent, Answer::Unknown, None);
        }
    }
}

impl State {
    /// Whether all lanes share a cap, so that one goes at the cost of another.
    const fn is_capped(&self) -> bool {
        self.options.rate.is_some() || self.options.in_flight.is_some()
    }

    /// Where lanes share a cap, wakes who stands before this place in another lane and may go; returns whether there is one.
    fn wakes_more_urgent(&mut self, place: Place, now: f64) -> bool {
        if !self.is_capped() {
            return false;
        }
        for lane in &mut self.lanes {
            if lane.first().is_some_and(|first| first < place) && lane.bucket.next(now) <= now {
                lane.wake_next(&mut self.woken);
                return true;
            }
        }
        false
    }

    /// The lane of the limit of this size; kinds of requests with limits of one size are taken to share it.
    fn home(&mut self, route: &Route, lane: usize, limit: u64) -> usize {
        #[expect(clippy::cast_precision_loss, reason = "limits are not so large")]
        let limit = limit as f64;
        let is_of = |lane: &Lane| lane.bucket.limit() == Some(limit);
        let is_shared = self
            .routes
            .iter()
            .any(|(other, of)| *of == lane && other != route);
        let home = if is_of(&self.lanes[lane]) || self.lanes[lane].bucket.limit().is_none() {
            lane
        } else if let Some(other) = self.lanes.iter().position(is_of) {
            other
        } else if is_shared {
            self.free_lane()
        } else {
            lane
        };
        if self.routes.get(route) != Some(&home) {
            self.routes.insert(route.clone(), home);
        }
        home
    }

    /// A lane of nobody's, so that limits that change again and again do not add up.
    fn free_lane(&mut self) -> usize {
        let is_free = |index: &usize| {
            let lane = &self.lanes[*index];
            let is_home = self.routes.values().any(|of| of == index);
            !is_home && lane.waiting.is_empty() && lane.bucket.is_idle()
        };
        let free = (0..self.lanes.len()).find(is_free);
        let free = free.unwrap_or(self.lanes.len());
        if free == self.lanes.len() {
            self.lanes.push(Lane::new(self.options));
        } else {
            self.lanes[free] = Lane::new(self.options);
        }
        free
    }
}

const fn reading(limit: RateLimit) -> Reading {
    Reading {
        limit: limit.limit,
        remaining: limit.remaining,
        reset: limit.reset,
    }
}

#[cfg(test)]
#[cfg(feature = "hyper")]
mod tests {
    use std::{num::NonZeroU32, sync::atomic::AtomicUsize};

    use bytes::Bytes;
    use futures_util::{FutureExt as _, future::join_all};

    use super::{super::Reserve, *};
    use crate::{path::Path, time::TokioTime};

    const FAR: Duration = Duration::from_secs(3_600);

    struct Bench {
        pacer: Arc<Pacer>,
        time: TokioTime,
    }

    impl Bench {
        fn new(options: Pacing) -> Self {
            Self {
                pacer: Arc::new(Pacer::new(options)),
                time: TokioTime::new(),
            }
        }

        async fn turn(&self, caller: Caller, request: &Request) -> Result<Turn, Duration> {
            self.pacer.turn(&self.time, caller, request, FAR).await
        }

        fn end(&self, turn: Turn, response: &Response) {
            turn.end(self.time.now(), &Ended::Answered(response));
        }

        /// A client that has learned: this much fits, and this much is left.
        async fn knowing(limit: u32, left: u32) -> Self {
            let bench = Self::new(Pacing::default());
            let first = bench.pacer.caller(Priority::Interactive);
            let turn = bench.turn(first, &get("a")).await.unwrap();
            bench.end(turn, &answer(200, limit, left));
            bench
        }
    }

    fn get(user: &str) -> Request {
        Request::get(Path::new(["api", "v2", "users", user]).unwrap())
    }

    fn answer(status: u16, limit: u32, left: u32) -> Response {
        let response = http::Response::builder()
            .status(status)
            .header("date", "Sun, 06 Nov 1994 08:49:37 GMT")
            .header("x-ratelimit-limit", limit)
            .header("x-ratelimit-remaining", left)
            // A second after that date.
            .header("x-ratelimit-reset", "784111778");
        response.body(Bytes::new()).unwrap().into()
    }

    #[tokio::test(start_paused = true)]
    async fn who_came_first_is_served_first_and_an_interactive_call_before_all_bulk() {
        let bench = Bench::new(Pacing::default().in_flight(NonZeroU32::MIN));
        let held = bench
            .turn(bench.pacer.caller(Priority::Bulk), &get("a"))
            .await
            .unwrap();
        let order = Mutex::new(Vec::new());
        let serve = |name: &'static str, caller| {
            let (bench, order) = (&bench, &order);
            async move {
                let turn = bench.turn(caller, &get(name)).await.unwrap();
                order.lock().unwrap().push(name);
                turn.end(bench.time.now(), &Ended::Answered(&answer(200, 50, 40)));
            }
        };
        let callers = [
            ("first bulk", Priority::Bulk),
            ("second bulk", Priority::Bulk),
            ("first interactive", Priority::Interactive),
            ("second interactive", Priority::Interactive),
        ];
        let calls = callers.map(|(name, priority)| serve(name, bench.pacer.caller(priority)));
        let release = async {
            bench.end(held, &answer(200, 50, 41));
        };
        futures_util::future::join(join_all(calls), release).await;
        assert_eq!(
            *order.lock().unwrap(),
            [
                "first interactive",
                "second interactive",
                "first bulk",
                "second bulk"
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_makes_way() {
        let bench = Bench::new(Pacing::default().in_flight(NonZeroU32::MIN));
        let request = get("a");
        let held = bench
            .turn(bench.pacer.caller(Priority::Bulk), &request)
            .await
            .unwrap();
        let mut first = Box::pin(bench.turn(bench.pacer.caller(Priority::Bulk), &request));
        let mut second = Box::pin(bench.turn(bench.pacer.caller(Priority::Bulk), &request));
        assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
        assert_eq!(bench.pacer.pace(bench.time.now()).waiting, 2);
        drop(first);
        assert_eq!(bench.pacer.pace(bench.time.now()).waiting, 1);
        // Given up as well, while it is on its way.
        drop(held);
        drop(second.await.unwrap());
        let pace = bench.pacer.pace(bench.time.now());
        assert_eq!((pace.waiting, pace.in_flight, pace.sent), (0, 0, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_429_one_request_alone_finds_out_however_many_wait() {
        let bench = Bench::knowing(20_000, 15_000).await;
        let request = get("a");
        let refused = bench
            .turn(bench.pacer.caller(Priority::Bulk), &request)
            .await
            .unwrap();
        let limited = answer(429, 20_000, 0);
        refused.end(
            bench.time.now(),
            &Ended::Limited(&limited, Duration::from_secs(30)),
        );
        let sent = AtomicUsize::new(0);
        let begun = bench.time.now();
        let calls = (0..10_000).map(|_| {
            let (bench, sent, request) = (&bench, &sent, &request);
            let caller = bench.pacer.caller(Priority::Bulk);
            async move {
                let turn = bench.turn(caller, request).await.unwrap();
                let before = sent.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                if before == 0 {
                    // Nobody else is sent while this one is on its way.
                    bench.time.sleep(Duration::from_secs(1)).await;
                    assert_eq!(sent.load(std::sync::atomic::Ordering::Relaxed), 1);
                    assert!(bench.time.now() - begun >= Duration::from_secs(31));
                }
                bench.end(turn, &answer(200, 20_000, 15_000));
            }
        });
        join_all(calls).await;
        assert_eq!(sent.into_inner(), 10_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_beyond_the_deadline_is_refused_at_once() {
        let bench = Bench::knowing(50, 40).await;
        let request = get("a");
        let refused = bench
            .turn(bench.pacer.caller(Priority::Bulk), &request)
            .await
            .unwrap();
        let limited = answer(429, 50, 0);
        let waiting = bench.pacer.turn(
            &bench.time,
            bench.pacer.caller(Priority::Bulk),
            &request,
            FAR,
        );
        refused.end(
            bench.time.now(),
            &Ended::Limited(&limited, Duration::from_secs(600)),
        );
        let caller = bench.pacer.caller(Priority::Interactive);
        let soon = bench.time.now() + Duration::from_secs(60);
        let at = bench
            .pacer
            .turn(&bench.time, caller, &request, soon)
            .now_or_never();
        let at = at.unwrap().unwrap_err();
        assert_eq!(at.as_secs(), bench.time.now().as_secs() + 600);
        waiting.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_fixed_rate_is_kept_to() {
        let bench = Bench::new(Pacing::default().rate(10.0).unwrap());
        // Nor is the time that nobody used, ten seconds before the second time, made up for.
        for (requests, least, most) in [(51, 4.99, 5.1), (11, 0.99, 1.1)] {
            let begun = bench.time.now();
            for _ in 0..requests {
                let turn = bench
                    .turn(bench.pacer.caller(Priority::Bulk), &get("a"))
                    .await
                    .unwrap();
                bench.end(turn, &answer(200, 5_000, 4_000));
            }
            let took = (bench.time.now() - begun).as_secs_f64();
            assert!((least..most).contains(&took), "{requests}: {took}");
            bench.time.sleep(Duration::from_secs(10)).await;
        }
        // What is due beyond a deadline is refused at once, and when it would be due is said.
        let slow = Bench::new(Pacing::default().rate(0.01).unwrap());
        drop(
            slow.turn(slow.pacer.caller(Priority::Bulk), &get("a"))
                .await,
        );
        let ends = slow.time.now() + Duration::from_secs(60);
        let caller = slow.pacer.caller(Priority::Bulk);
        let at = slow
            .pacer
            .turn(&slow.time, caller, &get("a"), ends)
            .now_or_never();
        assert_eq!(at.unwrap().unwrap_err().as_secs(), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn each_limit_has_a_queue_of_its_own() {
        let bench = Bench::knowing(40, 39).await;
        let caller = || bench.pacer.caller(Priority::Bulk);
        let delete = Request::delete(
            Path::new(["api", "v2", "users", "a", "identities", "b", "c"]).unwrap(),
        );
        for left in (0..3).rev() {
            let turn = bench.turn(caller(), &delete).await.unwrap();
            bench.end(turn, &answer(200, 20, left));
        }
        let pace = bench.pacer.pace(bench.time.now());
        let limits: Vec<_> = pace
            .limits
            .iter()
            .map(|limit| (limit.burst, limit.lowest))
            .collect();
        assert_eq!(limits, [(20.0, 0), (40.0, 39)]);
        // The one that is used up holds up nothing of the other.
        let mut used_up = Box::pin(bench.turn(caller(), &delete));
        assert!((&mut used_up).now_or_never().is_none());
        let turn = bench.turn(caller(), &get("b")).now_or_never();
        bench.end(turn.unwrap().unwrap(), &answer(200, 40, 38));
        used_up.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_reserve_is_left_from_the_first_answers_on() {
        let bench = Bench::new(Pacing::default().reserve(Reserve::requests(10)));
        let mut left = 20;
        let caller = || bench.pacer.caller(Priority::Bulk);
        let request = get("a");
        while let Some(turn) = bench.turn(caller(), &request).now_or_never() {
            left -= 1;
            bench.end(turn.unwrap(), &answer(200, 20, left));
            tokio::time::advance(Duration::from_millis(1)).await;
            if left == 0 {
                break;
            }
        }
        assert!(left >= 10, "{left}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_interactive_call_goes_before_bulk_work_of_another_limit_too() {
        let capped = [
            Pacing::default().rate(10.0).unwrap(),
            Pacing::default().in_flight(NonZeroU32::MIN),
        ];
        for options in capped {
            let bench = Bench::new(options);
            let delete = Request::delete(
                Path::new(["api", "v2", "users", "a", "identities", "b", "c"]).unwrap(),
            );
            for (request, limit) in [(&get("a"), 40), (&delete, 20)] {
                let caller = bench.pacer.caller(Priority::Bulk);
                let turn = bench.turn(caller, request).await.unwrap();
                bench.end(turn, &answer(200, limit, limit - 1));
            }
            let order = Mutex::new(Vec::new());
            let send = |priority, request: Request, limit| {
                let (bench, order) = (&bench, &order);
                async move {
                    let turn = bench.turn(bench.pacer.caller(priority), &request).await;
                    order.lock().unwrap().push(priority);
                    bench.time.sleep(Duration::from_millis(20)).await;
                    bench.end(turn.unwrap(), &answer(200, limit, limit - 1));
                }
            };
            let bulk = (0..10).map(|_| send(Priority::Bulk, get("a"), 40));
            let urgent = (0..5).map(|_| send(Priority::Interactive, delete.clone(), 20));
            futures_util::future::join(join_all(bulk), join_all(urgent)).await;
            let order = order.into_inner().unwrap();
            let bulk_before = order[..6]
                .iter()
                .filter(|of| **of == Priority::Bulk)
                .count();
            assert!(bulk_before <= 1, "{order:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn limits_that_change_again_and_again_do_not_add_up() {
        let bench = Bench::new(Pacing::default());
        let delete = Request::delete(Path::new(["api", "v2", "users", "a"]).unwrap());
        for limit in 10..200 {
            for request in [&get("a"), &delete] {
                let caller = bench.pacer.caller(Priority::Bulk);
                let turn = bench.turn(caller, request).await.unwrap();
                bench.end(turn, &answer(200, limit, limit - 1));
            }
        }
        let lanes = bench.pacer.with(|state| state.lanes.len());
        assert!(lanes <= 3, "{lanes}");
        let pace = bench.pacer.pace(bench.time.now());
        assert_eq!(pace.limits.len(), 1, "{pace:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_forgotten_whoever_gives_up_or_is_refused() {
        for seed in 0..12 {
            let mut random = fastrand::Rng::with_seed(seed);
            let options = match seed % 4 {
                0 => Pacing::default(),
                1 => Pacing::default().rate(30.0).unwrap(),
                2 => Pacing::default().in_flight(NonZeroU32::new(3).unwrap()),
                _ => Pacing::default().reserve(Reserve::requests(4)),
            };
            let bench = Bench::new(options);
            let delete = Request::delete(Path::new(["api", "v2", "users", "a"]).unwrap());
            let calls = (0..400).map(|_| {
                let mut random = random.fork();
                let (bench, delete) = (&bench, &delete);
                async move {
                    bench
                        .time
                        .sleep(Duration::from_secs_f64(random.f64() * 20.0))
                        .await;
                    let priority = [Priority::Bulk, Priority::Interactive][random.usize(..2)];
                    let caller = bench.pacer.caller(priority);
                    let (request, limit) = match random.bool() {
                        true => (&get("a"), 40),
                        false => (delete, 20),
                    };
                    let patience = Duration::from_secs_f64(random.f64() * 4.0);
                    let turn = bench.turn(caller, request);
                    let turn = match random.u8(..4) {
                        // Given up while it waits, or just as its turn comes.
                        0 => crate::time::within(&bench.time, patience, turn).await,
                        _ => Some(turn.await),
                    };
                    let Some(turn) = turn else { return };
                    let turn = turn.unwrap();
                    bench
                        .time
                        .sleep(Duration::from_secs_f64(random.f64()))
                        .await;
                    let now = bench.time.now();
                    match random.u8(..20) {
                        0 => turn.end(now, &Ended::NotSent),
                        1 => turn.end(now, &Ended::Unknown),
                        2 => drop(turn),
                        3 => {
                            let limited = answer(429, limit, 0);
                            turn.end(now, &Ended::Limited(&limited, Duration::from_secs(1)));
                        }
                        4 => {
                            let silent = http::Response::builder().status(404);
                            let silent = silent.body(Bytes::new()).unwrap().into();
                            turn.end(now, &Ended::Answered(&silent));
                        }
                        _ => bench.end(turn, &answer(200, limit, limit - 1)),
                    }
                }
            });
            join_all(calls).await;
            let pace = bench.pacer.pace(bench.time.now());
            assert_eq!((pace.waiting, pace.in_flight), (0, 0), "{seed}");
            // Who is not woken finds that out at its deadline only.
            assert!(bench.time.now() < FAR / 2, "{seed}: {:?}", bench.time.now());
        }
    }
}
