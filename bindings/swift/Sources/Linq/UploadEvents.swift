import Foundation

/// What happens during an upload.
public enum UploadEvent: Sendable, Hashable {
    /// So far it is. Begins at 0 again when an attempt is made anew.
    case progress(UploadProgress)
    /// It is there. The last event.
    case finished(LinqAttachment)
}

/// An upload as a sequence: its progress, and at the end the attachment.
///
/// The upload begins at once. It is cancelled when nobody can hear of it any more: when the loop is left and the sequence
/// released. A loop in a task that is cancelled ends with a `CancellationError`. Whoever is slow misses some of the progress,
/// but never the end. It is one upload: a second loop over it gives nothing.
public struct UploadEvents: AsyncSequence, Sendable {
    fileprivate let stream: AsyncThrowingStream<UploadEvent, any Error>

    fileprivate init(_ upload: @escaping @Sendable (_ progress: @escaping @Sendable (UploadProgress) -> Void) async throws -> LinqAttachment) {
        stream = AsyncThrowingStream(bufferingPolicy: .bufferingNewest(16)) { continuation in
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
        }
    }

    /// Gives the events.
    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate var events: AsyncThrowingStream<UploadEvent, any Error>.AsyncIterator
        private var isOver = false

        fileprivate init(_ events: AsyncThrowingStream<UploadEvent, any Error>.AsyncIterator) { self.events = events }

        /// The next event; `nil` after the last, and after an error. Throws what the upload throws.
        public mutating func next() async throws -> UploadEvent? {
            guard !isOver else { return nil }
            do {
                let event = try await events.next()
                // A cancelled task's stream just ends, as if all were well.
                if event == nil, Task.isCancelled { throw CancellationError() }
                if case .finished = event { isOver = true }
                return event
            } catch {
                isOver = true
                throw error
            }
        }
    }

    /// Begins to give the events.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(stream.makeAsyncIterator()) }
}

extension LinqClient {
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
    /// - Returns: a sequence that throws what ``upload(presigned:from:options:progress:)`` throws.
    public func uploadEvents(
        presigned: Presigned, from source: UploadSource, options: UploadOptions = UploadOptions()
    ) -> UploadEvents {
        UploadEvents { try await self.upload(presigned: presigned, from: source, options: options, progress: $0) }
    }
}
