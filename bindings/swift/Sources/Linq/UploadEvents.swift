import Foundation

/// What happens during an upload.
public enum UploadEvent: Sendable, Hashable {
    /// So far it is. Begins at 0 again when an attempt is made anew.
    case progress(UploadProgress)
    /// It is there. The last event.
    case finished(Attachment)
}

/// An upload as a sequence: its progress, and at the end the attachment.
///
/// The upload begins at once. It is cancelled when nobody can receive its events any more: when the loop is left, or the sequence
/// released before there was one. A loop in a task that is cancelled cancels the upload when it asks for the next event, and
/// ends with a `CancellationError`. A slow reader misses some of the progress, but never the end. It is one upload: a
/// second loop over it gives nothing, beside the first as well as after it.
public struct UploadEvents: AsyncSequence, Sendable {
    fileprivate typealias Stream = AsyncThrowingStream<UploadEvent, any Error>

    private let stream: Once<Stream>

    fileprivate init(_ upload: @escaping @Sendable (_ progress: @escaping @Sendable (UploadProgress) -> Void) async throws -> Attachment) {
        stream = Once(Stream(bufferingPolicy: .bufferingNewest(16)) { continuation in
            // The task below would not know that, and begin.
            guard !Task.isCancelled else { return continuation.finish(throwing: CancellationError()) }
            let task = Task {
                do {
                    let attachment = try await upload { continuation.yield(.progress($0)) }
                    continuation.yield(.finished(attachment))
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in task.cancel() }
        })
    }

    /// Gives the events.
    public struct AsyncIterator: AsyncIteratorProtocol {
        /// `nil` when it is over, and in a second loop.
        fileprivate var events: Stream.AsyncIterator?

        /// The next event; `nil` after the last, and after an error. Throws what the upload throws.
        public mutating func next() async throws -> UploadEvent? {
            guard events != nil else { return nil }
            do {
                var event = try await events?.next()
                // A cancelled task's stream gives what it had kept, and just ends, as if all were well.
                while Task.isCancelled, case .progress = event { event = try await events?.next() }
                if event == nil, Task.isCancelled { throw CancellationError() }
                if case .finished = event { events = nil }
                return event
            } catch {
                events = nil
                throw error
            }
        }
    }

    /// Begins to give the events.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(events: stream.take()?.makeAsyncIterator()) }
}

/// A value for the first who asks.
private final class Once<Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var value: Value?

    init(_ value: Value) { self.value = value }

    func take() -> Value? {
        lock.withLock {
            defer { value = nil }
            return value
        }
    }
}

extension Client {
    /// Uploads, with the progress as a sequence that ends with the attachment.
    ///
    /// ```swift
    /// for try await event in client.uploadEvents(.file(url)) {
    ///     switch event {
    ///     case .progress(let progress): bar.progress = progress.fraction
    ///     case .finished(let attachment): show(attachment)
    ///     }
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - source: the bytes.
    ///   - options: name, type and timeout.
    /// - Returns: a sequence that throws what ``upload(_:options:progress:)`` throws.
    public func uploadEvents(_ source: UploadSource, options: UploadOptions = UploadOptions()) -> UploadEvents {
        UploadEvents { try await self.upload(source, options: options, progress: $0) }
    }

    /// The same to a place that was reserved elsewhere.
    ///
    /// - Parameters:
    ///   - presigned: the place.
    ///   - source: the bytes.
    ///   - options: name and type need not be given.
    ///   - renew: called for another place when `presigned` has expired; see
    ///     ``upload(presigned:from:options:progress:renew:)``.
    /// - Returns: a sequence that throws what ``upload(presigned:from:options:progress:renew:)`` throws.
    public func uploadEvents(
        presigned: Presigned, from source: UploadSource, options: UploadOptions = UploadOptions(),
        renew: (@Sendable (_ expired: Presigned) async throws -> Presigned?)? = nil
    ) -> UploadEvents {
        UploadEvents {
            try await self.upload(presigned: presigned, from: source, options: options, progress: $0, renew: renew)
        }
    }
}
