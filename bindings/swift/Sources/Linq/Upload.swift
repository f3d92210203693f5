import CLinq
import Foundation

/// What an upload takes besides its source. `nil` means the default.
public struct UploadOptions: Sendable, Hashable {
    /// The name to declare: 1 to 255 characters, without control characters or path separators; `nil`: the last part of
    /// the path. Required for a source without a path; for a presigned upload only where you want it checked.
    public var filename: String?
    /// The content type to declare; `nil`: from the bytes, else from the name. What MIME libraries write is understood,
    /// such as `image/jpg`.
    public var contentType: String?
    /// Bounds the whole upload, every attempt and wait included, those for a thread and for a stream too. More than zero; `nil`:
    /// not bounded, but the client's own timeouts hold, and a stream is waited for until the task is cancelled.
    public var timeout: Duration?

    /// Makes options; each parameter is the property of that name.
    public init(filename: String? = nil, contentType: String? = nil, timeout: Duration? = nil) {
        self.filename = filename
        self.contentType = contentType
        self.timeout = timeout
    }
}

/// How far an upload is.
public struct UploadProgress: Sendable, Hashable {
    /// Bytes sent so far in this attempt.
    public let sent: Int
    /// Bytes in all.
    public let total: Int
    /// The part that was sent, from 0 to 1.
    public var fraction: Double { total == 0 ? 0 : Double(sent) / Double(total) }

    /// Makes one, for previews and tests of your own; each parameter is the property of that name.
    public init(sent: Int, total: Int) {
        self.sent = sent
        self.total = total
    }
}

extension Client {
    /// Uploads a file on disk, and makes it usable in messages.
    ///
    /// Reserves a place and puts the bytes there, again where that helps.
    ///
    /// - Parameters:
    ///   - url: of a regular file of 1 to 104 857 600 bytes; symbolic links are followed.
    ///   - options: name, type and timeout.
    ///   - progress: told how far it is; see ``upload(_:options:progress:)``.
    /// - Returns: what to put into messages.
    /// - Throws: as ``upload(_:options:progress:)``.
    public func upload(
        fileAt url: URL, options: UploadOptions = UploadOptions(),
        progress: (@Sendable (UploadProgress) throws -> Void)? = nil
    ) async throws -> Attachment {
        try await upload(.file(url), options: options, progress: progress)
    }

    /// Uploads bytes in memory.
    ///
    /// - Parameters:
    ///   - data: 1 to 104 857 600 bytes. They are not copied.
    ///   - filename: the name to declare: see ``UploadOptions/filename``.
    ///   - contentType: the content type to declare; `nil`: from the bytes, else from the name.
    ///   - timeout: bounds the whole upload: see ``UploadOptions/timeout``.
    ///   - progress: told how far it is; see ``upload(_:options:progress:)``.
    /// - Returns: what to put into messages.
    /// - Throws: as ``upload(_:options:progress:)``.
    public func upload(
        _ data: Data, filename: String, contentType: String? = nil, timeout: Duration? = nil,
        progress: (@Sendable (UploadProgress) throws -> Void)? = nil
    ) async throws -> Attachment {
        let options = UploadOptions(filename: filename, contentType: contentType, timeout: timeout)
        return try await upload(.data(data), options: options, progress: progress)
    }

    /// Uploads from any source: a file, a part of an open file, bytes in memory, or an async stream.
    ///
    /// - Parameters:
    ///   - source: the bytes.
    ///   - options: name, type and timeout.
    ///   - progress: told how far it is: at the start, at the end, and at most about 20 times a second between. The count
    ///     never falls within an attempt; it begins at 0 again when an attempt is made anew. It is called in order, on a
    ///     thread of the package's own that the upload waits on, and not after the upload ended. An error that it throws
    ///     ends the upload, which throws it in turn, unless it was complete by then.
    /// - Returns: what to put into messages.
    /// - Throws: ``LinqError``: `file` where the source cannot be read or changed while it was being sent; `unsupported`,
    ///   before any network, where Linq would refuse its type, size or name; `unauthorized` without a key that Linq
    ///   accepts. What the stream or `progress` throws. `CancellationError`.
    public func upload(
        _ source: UploadSource, options: UploadOptions = UploadOptions(),
        progress: (@Sendable (UploadProgress) throws -> Void)? = nil
    ) async throws -> Attachment {
        try await upload(source, options, progress) { linq_upload($0, $1, $2, &$3, &$4) }
    }

    /// Uploads to a place that was reserved elsewhere (step 2 of 2). Needs no API key, and sends none.
    ///
    /// - Parameters:
    ///   - presigned: the place. A source whose size or type is not what was signed is refused before any network.
    ///   - source: the bytes.
    ///   - options: name and type need not be given.
    ///   - progress: told how far it is; see ``upload(_:options:progress:)``.
    ///   - renew: called when `presigned` has expired: ask your server for another place. The upload goes on with the
    ///     place that it returns, which must be for the same file; `nil` ends it as `expired`. An error that it throws ends
    ///     the upload, which throws the same error. Its task is cancelled with the upload, and at the end of the timeout.
    ///     Not called after a read from a stream that cannot begin again.
    /// - Returns: what to put into messages.
    /// - Throws: ``LinqError``: `expired` where the place is no longer open, so ask your server for a new one; `storage`
    ///   where the storage host refused. What `renew` throws. Else as ``upload(_:options:progress:)``.
    public func upload(
        presigned: Presigned, from source: UploadSource, options: UploadOptions = UploadOptions(),
        progress: (@Sendable (UploadProgress) throws -> Void)? = nil,
        renew: (@Sendable (_ expired: Presigned) async throws -> Presigned?)? = nil
    ) async throws -> Attachment {
        try await upload(source, options, progress, renew) { client, source, options, attachment, error in
            try presigned.withPlace { linq_upload_presigned(client, $0, source, options, &attachment, &error) }
        }
    }

    private typealias Put = @Sendable (
        _ client: OpaquePointer, UnsafePointer<linq_source>, UnsafePointer<linq_upload_options>,
        inout UnsafeMutablePointer<linq_attachment>?, inout UnsafeMutablePointer<linq_error>?
    ) throws -> linq_status

    private func upload(
        _ source: UploadSource, _ options: UploadOptions, _ progress: (@Sendable (UploadProgress) throws -> Void)?,
        _ renew: (@Sendable (Presigned) async throws -> Presigned?)? = nil, _ put: @escaping Put
    ) async throws -> Attachment {
        let handover = Handover()
        let feeding = source.stream.map { stream in Task { await stream.feed(handover) } }
        // What is cancelled is asked for nothing more, and waited for no longer.
        let stop = { @Sendable in
            handover.close()
            feeding?.cancel()
        }
        defer { stop() }
        return try await withTaskCancellationHandler {
            try await call(timeout: options.timeout, expired: handover.wake) { [observer] client, token, deadline in
                let callbacks = UploadCallbacks(
                    progress: progress, renew: renew, handover: handover, deadline: deadline)
                return try withExtendedLifetime(callbacks) {
                    try Self.upload(client, token, deadline, source, options, callbacks, observer, put)
                }
            }
        } onCancel: {
            stop()
        }
    }

    /// The blocking call itself.
    private static func upload(
        _ client: OpaquePointer, _ token: OpaquePointer, _ deadline: Deadline?, _ source: UploadSource,
        _ options: UploadOptions, _ callbacks: UploadCallbacks, _ observer: AttemptObserver?, _ put: Put
    ) throws -> Attachment {
        try withTexts { texts in
            var uploadOptions = linq_upload_options_default()
            uploadOptions.filename = try texts.add(options.filename, "filename")
            uploadOptions.content_type = try texts.add(options.contentType, "contentType")
            uploadOptions.cancel = token
            uploadOptions.timeout_ms = milliseconds(deadline?.left)
            if let observer {
                uploadOptions.attempt = AttemptObserver.callback
                uploadOptions.attempt_user_data = observer.user
            }
            callbacks.install(in: &uploadOptions)
            return try source.withSource(texts, callbacks) { source in
                var attachment: UnsafeMutablePointer<linq_attachment>?
                var error: UnsafeMutablePointer<linq_error>?
                let status = try put(client, source, &uploadOptions, &attachment, &error)
                defer { linq_free(attachment) }
                if status != LINQ_OK, let theirs = callbacks.error {
                    defer { linq_free(error) }
                    guard let timeout = theirs as? HandoverTimeout, let error else { throw theirs }
                    throw LinqError(
                        status: .timeout, message: "the timeout is over, and \(timeout.what)",
                        attachmentID: text(error.pointee.attachment_id), attempts: Int(error.pointee.attempts), isRetryable: true)
                }
                try check(status, error)
                return try Attachment(made(attachment).pointee)
            }
        }
    }
}
