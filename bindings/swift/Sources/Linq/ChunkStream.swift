import Foundation

/// An async stream as a source: how to begin it, and how long it is.
struct ChunkStream: Sendable {
    let size: Int
    let isRewindable: Bool
    private let begin: @Sendable (inout Begun) async throws -> Void

    init(size: Int, isRewindable: Bool, begin: @escaping @Sendable (inout Begun) async throws -> Void) {
        self.size = size
        self.isRewindable = isRewindable
        self.begin = begin
    }

    /// Where `begin` puts what gives the chunks. It stays within the task that feeds.
    struct Begun {
        fileprivate var next: (() async throws -> Data?)?

        mutating func give<Iterator: AsyncIteratorProtocol>(_ iterator: Iterator) where Iterator.Element == Data {
            var iterator = iterator
            next = { try await iterator.next() }
        }
    }

    /// Gives chunks as they are asked for, until nobody will ask again.
    func feed(_ handover: Handover) async {
        var begun = Begun()
        while let request = await handover.request() {
            do {
                if request == .again || begun.next == nil {
                    begun.next = nil
                    try await begin(&begun)
                }
                handover.answer(.success(try await begun.next?()))
            } catch {
                handover.answer(.failure(error))
            }
        }
    }
}

/// Single bytes as chunks.
struct Gathered<Bytes: AsyncSequence & Sendable>: AsyncSequence, Sendable where Bytes.Element == UInt8 {
    let bytes: Bytes

    struct AsyncIterator: AsyncIteratorProtocol {
        var bytes: Bytes.AsyncIterator

        mutating func next() async throws -> Data? {
            var chunk = Data(capacity: 16384)
            while chunk.count < 16384, let byte = try await bytes.next() { chunk.append(byte) }
            return chunk.isEmpty ? nil : chunk
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(bytes: bytes.makeAsyncIterator()) }
}

/// The timeout was over while the caller's code ran.
struct HandoverTimeout: Error { let what: String }

/// Where the thread that sends, which may block, meets the task that has the chunks, which must not.
final class Handover: @unchecked Sendable {
    enum Request { case next, again }

    private let condition = NSCondition()
    private var request: Request?
    private var asked: CheckedContinuation<Request?, Never>?
    private var answer: Result<Data?, any Error>?
    private var isClosed = false

    /// Asks for the next chunk, or for the first one again, and waits for it. `nil`: the end.
    func chunk(_ request: Request, until deadline: Deadline?) throws -> Data? {
        condition.withLock {
            self.request = request
            return takeAsked()
        }?.resume()
        return try condition.withLock {
            try wait(until: deadline, "the stream gave no more bytes, nor its end") { answer != nil }
            defer { answer = nil }
            // Before the answer: a stream whose task is cancelled may just end, as if that were all.
            guard !isClosed, let answer else { throw CancellationError() }
            return try answer.get()
        }
    }

    /// Runs a task of the caller's and waits for it. It is cancelled when the wait ends.
    func run<Value: Sendable>(
        until deadline: Deadline?, _ what: String, _ body: @escaping @Sendable () async throws -> Value
    ) throws -> Value {
        let result = Outcome<Value>()
        let task = Task {
            let ended: Result<Value, any Error>
            do { ended = .success(try await body()) } catch { ended = .failure(error) }
            condition.withLock {
                result.value = ended
                condition.broadcast()
            }
        }
        defer { task.cancel() }
        return try condition.withLock {
            try wait(until: deadline, what) { result.value != nil }
            guard !isClosed, let value = result.value else { throw CancellationError() }
            return try value.get()
        }
    }

    /// The result of a task; read and written with the lock held.
    private final class Outcome<Value: Sendable>: @unchecked Sendable {
        var value: Result<Value, any Error>?
    }

    /// Waits until the condition holds or the handover is closed. With the lock held.
    private func wait(until deadline: Deadline?, _ what: String, _ isThere: () -> Bool) throws {
        while !isThere(), !isClosed {
            guard let deadline else {
                condition.wait()
                continue
            }
            guard deadline.left > .zero else { throw HandoverTimeout(what: what) }
            _ = condition.wait(until: Date(timeIntervalSinceNow: deadline.left / .seconds(1)))
        }
    }

    /// Waits until a chunk is asked for; `nil`: none will be any more.
    func request() async -> Request? {
        await withCheckedContinuation { continuation in
            condition.withLock {
                asked = continuation
                return takeAsked()
            }?.resume()
        }
    }

    func answer(_ answer: Result<Data?, any Error>) {
        condition.withLock {
            self.answer = answer
            condition.signal()
        }
    }

    /// Has who waits for a chunk look at the deadline: that wait goes by the wall clock, which may be set back meanwhile.
    func wake() { condition.withLock { condition.broadcast() } }

    /// Wakes both sides, now and for ever.
    func close() {
        condition.withLock {
            isClosed = true
            condition.broadcast()
            return takeAsked()
        }?.resume()
    }

    private struct Asked {
        let continuation: CheckedContinuation<Request?, Never>
        let request: Request?

        func resume() { continuation.resume(returning: request) }
    }

    /// With the lock held: what to resume behind it, where both sides are there.
    private func takeAsked() -> Asked? {
        guard let asked, isClosed || request != nil else { return nil }
        defer { (self.asked, request) = (nil, nil) }
        return Asked(continuation: asked, request: isClosed ? nil : request)
    }
}
