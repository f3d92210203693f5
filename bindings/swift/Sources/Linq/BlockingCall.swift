import CLinq
import Foundation

/// Runs a blocking call on one of the threads, with a token that cancelling the task cancels. The deadline ends only the
/// waiting for a thread: behind that, the call has to heed it, and `expired` may wake it for that.
func onThread<Value: Sendable>(
    of threads: CallThreads = .shared, until deadline: Deadline? = nil, expired: @escaping @Sendable () -> Void = {},
    _ body: @escaping @Sendable (_ token: OpaquePointer) throws -> Value
) async throws -> Value {
    let call = BlockingCall(body)
    let timer = deadline.map { deadline in
        Task {
            try await Task.sleep(until: deadline.end, clock: .continuous)
            call.expire()
            expired()
        }
    }
    defer { timer?.cancel() }
    return try await withTaskCancellationHandler {
        try await withCheckedThrowingContinuation { call.start($0, on: threads) }
    } onCancel: {
        call.cancel()
    }
}

/// One call on its way: it waits for a thread, runs there, and may be cancelled at any moment, by any thread.
///
/// The thread that takes it out of `waiting` has the continuation, and resumes it: the thread that runs it or the one that ends it
/// while it waits. So that happens once.
private final class BlockingCall<Value: Sendable>: @unchecked Sendable {
    typealias Continuation = CheckedContinuation<Value, any Error>
    typealias Body = @Sendable (OpaquePointer) throws -> Value

    private enum State {
        case new(Body)
        case waiting(Body, Continuation, leave: () -> Void)
        case running(token: OpaquePointer)
        case ended
        /// Before it began.
        case refused(any Error)
    }

    private let lock = NSLock()
    private var state: State

    init(_ body: @escaping Body) { state = .new(body) }

    func start(_ continuation: Continuation, on threads: CallThreads) {
        let failure: (any Error)? = lock.withLock {
            if case .refused(let error) = state { return error }
            guard case .new(let body) = state else { return nil }
            guard let place = threads.add({ self.run() }) else {
                return LinqError(.noMemory, "no thread can be started for this call")
            }
            state = .waiting(body, continuation, leave: { threads.remove(place) })
            return nil
        }
        if let failure { continuation.resume(throwing: failure) }
    }

    func cancel() { refuse(CancellationError()) { linq_cancel_token_cancel($0) } }

    func expire() { refuse(LinqError(.timeout, "the timeout was over before this call had a thread", isRetryable: true)) { _ in } }

    /// Ends it where it did not begin yet. Where it runs, that is up to `running`.
    private func refuse(_ error: any Error, running: (OpaquePointer) -> Void) {
        let before = lock.withLock {
            let before = state
            switch state {
            case .new, .waiting: state = .refused(error)
            // Inside the lock, so that it is not freed meanwhile.
            case .running(let token): running(token)
            case .ended, .refused: break
            }
            return before
        }
        if case .waiting(_, let continuation, let leave) = before {
            leave()
            continuation.resume(throwing: error)
        }
    }

    private func run() {
        // Made here, not at the start: a token has two descriptors, and thousands of calls may wait for a thread.
        let token = linq_cancel_token_new()
        defer { linq_free(token.map { UnsafeMutableRawPointer($0) }) }
        guard let (body, continuation) = begin(token) else { return }
        let result = Result {
            guard let token else {
                throw LinqError(.noMemory, "no cancel token can be made: memory or descriptors ran out")
            }
            return try body(token)
        }
        lock.withLock { state = .ended }
        continuation.resume(with: result)
    }

    private func begin(_ token: OpaquePointer?) -> (Body, Continuation)? {
        lock.withLock {
            guard case .waiting(let body, let continuation, _) = state else { return nil }
            state = token.map { .running(token: $0) } ?? .ended
            return (body, continuation)
        }
    }
}
