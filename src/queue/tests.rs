use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::event::{PollFd, PollFlags, poll};

use super::*;
use crate::call::Stage;
use crate::report::Step;
use crate::{Config, Level};

/// Nothing listens there, so an upload soon fails.
fn queue(max_in_flight: usize) -> Queue {
    queue_with(1, max_in_flight)
}

fn queue_with(max_attempts: u32, max_in_flight: usize) -> Queue {
    let config = Config {
        api_key: Some("key".into()),
        base_url: Some("http://127.0.0.1:1".into()),
        use_environment: false,
        max_attempts,
        ..Config::default()
    };
    Queue::new(Arc::new(Client::new(config).unwrap()), Some(max_in_flight)).unwrap()
}

fn upload(tag: u64, source: QueuedSource) -> QueuedUpload {
    let filename = Some("a.txt".to_owned());
    QueuedUpload { source, place: None, filename, content_type: None, cancel: None, timeout: None, tag }
}

fn bytes(tag: u64) -> QueuedUpload {
    upload(tag, QueuedSource::Bytes(Box::new(b"hello")))
}

/// The next event that is the last of its upload.
fn next(queue: &Queue) -> Event {
    loop {
        let event = queue.next(Some(Duration::from_secs(20))).unwrap().expect("no event");
        if let EventKind::Finished(_) | EventKind::Failed(_) = event.kind {
            return event;
        }
    }
}

#[track_caller]
fn failed(event: &Event) -> &Error {
    match &event.kind {
        EventKind::Failed(error) => error,
        kind => panic!("{kind:?}"),
    }
}

fn is_readable(queue: &Queue) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(queue.descriptor().unwrap(), PollFlags::IN)];
    poll(&mut fds, Some(&Default::default())).unwrap() == 1
}

/// Bytes whose owner panics, waits, or counts that it was dropped.
struct Owner {
    act: fn(),
    dropped: Arc<AtomicUsize>,
}

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        (self.act)();
        b"hello"
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

fn owned(tag: u64, act: fn(), dropped: &Arc<AtomicUsize>) -> QueuedUpload {
    upload(tag, QueuedSource::Bytes(Box::new(Owner { act, dropped: dropped.clone() })))
}

#[test]
fn a_panic_of_a_thread_is_a_failed_event_and_the_next_upload_runs() {
    let queue = queue(1);
    let dropped = Arc::default();
    queue.add(owned(1, || std::panic::panic_any("caught"), &dropped)).unwrap();
    queue.add(bytes(2)).unwrap();
    let event = next(&queue);
    assert_eq!((event.tag, event.remaining, failed(&event).kind), (1, 1, ErrorKind::Internal));
    assert_eq!(dropped.load(Ordering::SeqCst), 1, "its source is dropped before its last event");
    let event = next(&queue);
    assert_eq!((event.tag, event.remaining, failed(&event).kind), (2, 0, ErrorKind::Network));
}

#[test]
fn an_event_stays_where_it_cannot_be_taken() {
    let queue = queue(1);
    queue.add(bytes(7)).unwrap();
    for _ in 0..3 {
        let refused: Result<Option<()>, _> =
            queue.next_with(Some(Duration::from_secs(20)), |_| Err(Error::new(ErrorKind::NoMemory, "none")));
        assert_eq!(refused.unwrap_err().kind, ErrorKind::NoMemory);
        assert!(is_readable(&queue));
    }
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        queue.next_with(None, |_| -> Result<(), Error> { std::panic::panic_any("caught") })
    }));
    assert!(panicked.is_err());
    assert_eq!(next(&queue).tag, 7);
    assert!(!is_readable(&queue));
    assert!(queue.next(Some(Duration::ZERO)).unwrap().is_none());
}

#[test]
fn what_waits_is_cancelled_at_once_by_its_tag() {
    let queue = queue(1);
    let dropped = Arc::default();
    // The first keeps the only thread busy.
    queue.add(owned(1, || std::thread::sleep(Duration::from_millis(300)), &dropped)).unwrap();
    for tag in [2, 3, 2, 4] {
        queue.add(owned(tag, || {}, &dropped)).unwrap();
    }
    std::thread::sleep(Duration::from_millis(50));
    queue.cancel(2);
    assert_eq!(dropped.load(Ordering::SeqCst), 2);
    let events = [next(&queue), next(&queue)];
    assert!(events.iter().all(|event| event.tag == 2 && failed(event).kind == ErrorKind::Cancelled));
    assert_eq!(events.map(|event| event.remaining), [4, 3]);
    queue.cancel_all();
    let events = [next(&queue), next(&queue), next(&queue)];
    assert!(events.iter().all(|event| failed(event).kind == ErrorKind::Cancelled), "{events:?}");
    assert_eq!(events.map(|event| event.tag), [3, 4, 1]);
    assert_eq!(dropped.load(Ordering::SeqCst), 5);
}

#[test]
fn a_retry_waits_until_the_next_attempt_begins() {
    let signal = Signal::new().unwrap();
    let mut state = State::default();
    let id = state.add(bytes(1), 4).unwrap();
    state.begin(&signal).unwrap();
    let mut at = |stage: Stage<'_>| {
        state.stage(id, stage, &signal);
        state.first_event()
    };
    assert!(at(Stage::Attempt(1)).is_none(), "there is nothing to tell before its first request");
    let event = at(Stage::Request(Step::Reserve, 5)).unwrap();
    assert_eq!((event.attempt, event.max_attempts, event.step), (1, 4, Some(Step::Reserve)));
    assert_eq!((event.sent, event.total), (0, 5));
    let error = Error::new(ErrorKind::Network, "it broke");
    for stage in [Stage::Retry(&error, 2, Duration::from_secs(3)), Stage::Attempt(2)] {
        let event = at(stage).unwrap();
        let EventKind::Retry(why, wait) = event.kind else { panic!("{event:?}") };
        assert_eq!((&*why.message, wait), ("it broke", Duration::from_secs(3)));
        assert_eq!((event.attempt, event.step), (2, Some(Step::Reserve)));
    }
    let event = at(Stage::Request(Step::Put, 5)).unwrap();
    assert!(matches!(event.kind, EventKind::Progress), "{event:?}");
    assert_eq!((event.attempt, event.step, event.remaining), (2, Some(Step::Put), 1));
}

/// The number that a retry names is that of an attempt which may never be made.
#[test]
fn an_upload_that_ends_during_a_wait_tells_the_attempts_that_were_made() {
    let queue = queue_with(10, 1);
    queue.add(bytes(1)).unwrap();
    let made = loop {
        let event = queue.next(None).unwrap().unwrap();
        // Others wait so briefly that the next attempt may be made before the upload is cancelled.
        if let EventKind::Retry(error, wait) = event.kind
            && wait >= Duration::from_millis(200)
        {
            assert_eq!((error.kind, event.max_attempts), (ErrorKind::Network, 10));
            assert_eq!(error.details.attempts, event.attempt - 1);
            break error.details.attempts;
        }
    };
    queue.cancel(1);
    let event = queue.next(None).unwrap().unwrap();
    let EventKind::Failed(error) = event.kind else { panic!("{event:?}") };
    assert_eq!((error.kind, error.details.attempts), (ErrorKind::Cancelled, made));
    assert_eq!(event.attempt, made);
}

#[test]
fn only_the_newest_progress_of_an_upload_waits() {
    let signal = Signal::new().unwrap();
    let mut state = State::default();
    let (one, two) = (state.add(bytes(1), 4).unwrap(), state.add(bytes(2), 4).unwrap());
    state.begin(&signal).unwrap();
    state.begin(&signal).unwrap();
    for sent in 0..1000 {
        state.progress(one, sent, 1000, &signal);
        state.progress(two, sent / 2, 1000, &signal);
    }
    let mut events = || {
        let event = state.first_event()?;
        state.remove_first_event(&signal);
        Some((event.tag, event.sent, event.total, event.remaining))
    };
    assert_eq!([events(), events(), events()], [Some((1, 999, 1000, 2)), Some((2, 499, 1000, 2)), None]);
    state.progress(one, 1000, 1000, &signal);
    state.finish(one, Err(Error::cancelled()), &signal);
    let event = state.first_event().unwrap();
    assert_eq!((event.tag, event.sent, event.remaining), (1, 1000, 1));
    assert!(matches!(event.kind, EventKind::Failed(_)));
}

#[test]
fn the_oldest_lines_are_dropped() {
    let mut state = State::default();
    for number in 0..1000 {
        state.push_line(Level::Info, number.to_string());
    }
    let lines: Vec<_> = state.take_lines().into_iter().map(|(_, text)| text).collect();
    assert_eq!((lines.len(), &*lines[0], &*lines[255]), (256, "744", "999"));
}

#[test]
fn closing_drops_every_source_and_ends_a_waiting_call() {
    let queue = queue(2);
    let dropped = Arc::default();
    for tag in 0..5 {
        queue.add(owned(tag, || std::thread::sleep(Duration::from_millis(50)), &dropped)).unwrap();
    }
    std::thread::scope(|scope| {
        let asks = scope.spawn(|| {
            loop {
                if let Err(error) = queue.next(None) {
                    return error;
                }
            }
        });
        std::thread::sleep(Duration::from_millis(20));
        queue.close();
        assert_eq!(dropped.load(Ordering::SeqCst), 5);
        assert_eq!(asks.join().unwrap().kind, ErrorKind::Cancelled);
    });
    assert_eq!(queue.add(bytes(1)).unwrap_err().kind, ErrorKind::Cancelled);
}

#[test]
fn a_host_that_takes_the_byte_holds_up_nothing() {
    let queue = queue(1);
    queue.add(bytes(1)).unwrap();
    while !is_readable(&queue) {
        std::thread::yield_now();
    }
    let its = queue.descriptor().unwrap().try_clone_to_owned().unwrap();
    assert!(its.as_raw_fd() >= 0);
    std::io::Read::read(&mut std::fs::File::from(its), &mut [0]).unwrap();
    assert_eq!(next(&queue).tag, 1);
    queue.add(bytes(2)).unwrap();
    assert_eq!(next(&queue).tag, 2);
}

#[test]
fn a_queue_of_no_size_is_refused() {
    for size in [0, MAX_IN_FLIGHT + 1, usize::MAX] {
        let client = queue(1).shared.client.clone();
        let error = Queue::new(client, Some(size)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidArgument);
        assert!(error.message.contains(&size.to_string()), "{error}");
    }
}
