import CLinq
import Foundation

/// Uploads attachments to Linq, and uses them in messages.
///
/// ```swift
/// let client = try Client()  // the key is in the environment: LINQ_API_V3_API_KEY
/// let photo = try await client.upload(fileAt: URL(fileURLWithPath: "photo.jpg"))
/// print(photo.id)
/// ```
///
/// An app must not hold the API key: everybody who has the app has the key. There, a server calls
/// ``presign(filename:contentType:size:timeout:)`` and hands the ``Presigned`` place over as JSON; the app, whose client
/// has no key, calls ``upload(presigned:from:options:progress:renew:)``.
///
/// A client holds the key, the settings and the pooled connections. One per process is usually enough; it may be used
/// from anywhere at the same time.
///
/// Every call that waits leaves Swift's cooperative threads alone: it runs on a thread of the package's own, at most 64
/// calls of a process at a time, and the others wait for their turn. Cancelling the task ends a call within about 10
/// milliseconds, running or waiting, with a `CancellationError`; nothing is sent by a task that was cancelled before. A
/// call that was completed all the same returns its value. All other failures are a ``LinqError``, or what your own
/// stream or progress closure threw.
///
/// The types of this module have no prefix. Where your program has a `Client` or a `Message` of its own, write `Linq.Client`.
public final class Client: Sendable {
    /// A client in C may be used from any thread at the same time.
    nonisolated(unsafe) private let client: OpaquePointer
    let observer: AttemptObserver?

    /// Makes a client. Nothing is sent.
    ///
    /// - Parameters:
    ///   - configuration: the key and the settings; what is not set comes from the environment, which is read
    ///     now and at no other time. Without any key the client can still upload presigned.
    ///   - attempt: called after each request of each call, on the thread of the package that makes the call.
    /// - Throws: ``LinqError``: `invalidArgument` for an invalid setting, `file` where
    ///   ``Configuration/caFile`` cannot be read, `tls` where no certificate is in it or in ``Configuration/caPEM``.
    public init(
        _ configuration: Configuration = Configuration(), attempt: (@Sendable (Attempt) -> Void)? = nil
    ) throws {
        guard linq_abi_version() == LINQ_ABI_VERSION else {
            throw LinqError(
                .internal, "liblinq \(Self.libraryVersion) does not fit this package; install \(LINQ_VERSION_STRING)")
        }
        observer = attempt.map(AttemptObserver.init)
        client = try configuration.withOptions { options in
            var client: OpaquePointer?
            var error: UnsafeMutablePointer<linq_error>?
            try check(linq_client_new(options, &client, &error), error)
            return try made(client)
        }
    }

    deinit { linq_free(UnsafeMutableRawPointer(client)) }

    /// Runs a blocking call on a thread of the package's own, with the client and a token that the task's cancelling
    /// cancels. Both are there until the call returned. `expired` is called when the timeout is over before that.
    func call<Value: Sendable>(
        timeout: Duration?, expired: @escaping @Sendable () -> Void = {},
        _ body: @escaping @Sendable (_ client: OpaquePointer, _ token: OpaquePointer, Deadline?) throws -> Value
    ) async throws -> Value {
        let deadline = Deadline(try positive(timeout, "timeout"))
        return try await onThread(until: deadline, expired: expired) { token in
            try withExtendedLifetime(self) { try body(self.client, token, deadline) }
        }
    }

    /// Tells the client that the network changed, as an `NWPathMonitor` reports it.
    ///
    /// Idle connections are closed. A running upload whose connection is lost goes on over another; the first time this
    /// costs no attempt. Waits after a failure of the network end. A false alarm costs idle connections and nothing else.
    /// Never blocks.
    public func networkChanged() { linq_network_changed(client) }

    /// The options of a call other than an upload.
    private func callOptions(_ token: OpaquePointer, _ deadline: Deadline?) -> linq_call_options {
        var options = linq_call_options_default()
        options.cancel = token
        options.timeout_ms = milliseconds(deadline?.left)
        if let observer {
            options.attempt = AttemptObserver.callback
            options.attempt_user_data = observer.user
        }
        return options
    }

    /// Opens a connection now and keeps it, so that the next call need not wait for one: when a user opens the photo picker, say.
    ///
    /// Waits for the name, the connection and the TLS handshake. No request is sent, and no API key is needed. It does nothing
    /// where a connection is open already.
    ///
    /// - Parameters:
    ///   - presigned: the place whose storage to connect to, where the connection is kept for 4 seconds; `nil`: to Linq, where
    ///     it is kept for 60.
    ///   - timeout: for the whole call, that for a thread too. More than zero; `nil`: none, but
    ///     ``Configuration/connectTimeout`` holds.
    /// - Throws: ``LinqError``: `network` where no connection can be made, `tls` where the server's certificate is not trusted.
    ///   `CancellationError`.
    public func connect(to presigned: Presigned? = nil, timeout: Duration? = nil) async throws {
        try await call(timeout: timeout) { client, token, deadline in
            var options = self.callOptions(token, deadline)
            var error: UnsafeMutablePointer<linq_error>?
            let status =
                try presigned?.withPlace { linq_client_connect(client, $0, &options, &error) }
                ?? linq_client_connect(client, nil, &options, &error)
            try check(status, error)
        }
    }

    /// Reserves a place for a file that somebody else will upload (step 1 of 2); a server does this, with the key.
    ///
    /// A place lasts about 15 minutes. One that is never used costs nothing.
    ///
    /// - Parameters:
    ///   - filename: 1 to 255 characters, without control characters or path separators.
    ///   - contentType: one that Linq takes; `nil`: from the extension of `filename`.
    ///   - size: exactly how many bytes will be uploaded, 1 to 104 857 600.
    ///   - timeout: for the whole call, every attempt and wait included, that for a thread too. More than zero; `nil`: none.
    /// - Returns: the place; hand ``Presigned/json`` to the one who has the bytes.
    /// - Throws: ``LinqError``: `unsupported` before any network where Linq would refuse the file, `unauthorized` without
    ///   a key that Linq accepts, `protocol` where `URL` cannot take the upload URL without changing what was signed.
    ///   `CancellationError`.
    public func presign(
        filename: String, contentType: String? = nil, size: Int, timeout: Duration? = nil
    ) async throws -> Presigned {
        try await call(timeout: timeout) { client, token, deadline in
            try withTexts { texts in
                var file = linq_file_default()
                file.filename = try texts.add(filename, "filename")
                file.content_type = try texts.add(contentType, "contentType")
                file.size_bytes = try count(size, "size")
                var options = self.callOptions(token, deadline)
                var place: UnsafeMutablePointer<linq_presigned>?
                var error: UnsafeMutablePointer<linq_error>?
                let status = linq_presign(client, &file, &options, &place, &error)
                defer { linq_free(place) }
                try check(status, error)
                return try Presigned(made(place).pointee)
            }
        }
    }

    /// Asks what Linq knows of an attachment.
    ///
    /// - Parameters:
    ///   - id: of the attachment.
    ///   - timeout: for the whole call, every attempt and wait included, that for a thread too. More than zero; `nil`: none.
    /// - Throws: ``LinqError``: `notFound` where it does not exist or belongs to another account. `CancellationError`.
    public func attachment(id: String, timeout: Duration? = nil) async throws -> AttachmentInfo {
        try await call(timeout: timeout) { client, token, deadline in
            try withTexts { texts in
                var options = self.callOptions(token, deadline)
                var info: UnsafeMutablePointer<linq_attachment_info>?
                var error: UnsafeMutablePointer<linq_error>?
                let status = try linq_attachment_get(client, texts.add(id, "id"), &options, &info, &error)
                defer { linq_free(info) }
                try check(status, error)
                return try AttachmentInfo(made(info).pointee)
            }
        }
    }

    /// Deletes an attachment for good. Messages stay, but lose it.
    ///
    /// - Parameters:
    ///   - id: of the attachment.
    ///   - timeout: for the whole call, every attempt and wait included, that for a thread too. More than zero; `nil`: none.
    /// - Throws: ``LinqError``: `notFound` where it does not exist or belongs to another account. `CancellationError`.
    public func deleteAttachment(id: String, timeout: Duration? = nil) async throws {
        try await call(timeout: timeout) { client, token, deadline in
            try withTexts { texts in
                var options = self.callOptions(token, deadline)
                var error: UnsafeMutablePointer<linq_error>?
                let status = try linq_attachment_delete(client, texts.add(id, "id"), &options, &error)
                try check(status, error)
            }
        }
    }

    /// Sends a message with attachments, into the chat that these people already share or into a new one.
    ///
    /// It is always sent with an idempotency key, so trying again never sends twice. After an error, send again with its
    /// ``LinqError/idempotencyKey`` where it has one: the message may have arrived. A `CancellationError` tells no key: give
    /// one of your own where you may cancel, and send again later.
    ///
    /// - Parameters:
    ///   - message: what to send, from whom, to whom.
    ///   - timeout: for the whole call, every attempt and wait included, that for a thread too. More than zero; `nil`: none.
    /// - Throws: ``LinqError``, `CancellationError`.
    public func send(_ message: Message, timeout: Duration? = nil) async throws -> Receipt {
        try await call(timeout: timeout) { client, token, deadline in
            try message.withMessage { message in
                var options = self.callOptions(token, deadline)
                var receipt: UnsafeMutablePointer<linq_receipt>?
                var error: UnsafeMutablePointer<linq_error>?
                let status = linq_send_message(client, message, &options, &receipt, &error)
                defer { linq_free(receipt) }
                try check(status, error)
                return try Receipt(made(receipt).pointee)
            }
        }
    }

    /// Makes any other call of the API below /v3/: a message into a chat that is there, a voice memo, a sticker, whatever
    /// Linq adds.
    ///
    /// A `post` or `patch` that is not ``Request/isRepeatable`` is sent on a connection of its own, and again only where
    /// no connection could be made, or where Linq says that it did nothing. Its error is then not
    /// ``LinqError/isRetryable`` where it may have been done all the same.
    ///
    /// - Parameters:
    ///   - request: method, path and JSON.
    ///   - timeout: for the whole call, every attempt and wait included, that for a thread too. More than zero; `nil`: none.
    /// - Throws: ``LinqError``: `invalidArgument` where it cannot be sent, `protocol` where the answer is no JSON; a refusal
    ///   with Linq's message and codes. `CancellationError`.
    @discardableResult
    public func send(_ request: Request, timeout: Duration? = nil) async throws -> Response {
        try await call(timeout: timeout) { client, token, deadline in
            try request.withRequest { request in
                var options = self.callOptions(token, deadline)
                var response: UnsafeMutablePointer<linq_response>?
                var error: UnsafeMutablePointer<linq_error>?
                let status = linq_send_request(client, request, &options, &response, &error)
                defer { linq_free(response) }
                try check(status, error)
                return try Response(made(response).pointee)
            }
        }
    }

    /// The version of liblinq that is loaded, such as "0.1.0".
    public static var libraryVersion: String { String(cString: linq_version()) }

    /// What liblinq would declare as the content type; `nil` where it knows none that Linq takes. Nothing is opened or read.
    ///
    /// - Parameters:
    ///   - name: a name or path, of which only the part behind the last "/" counts; `nil`: from the bytes alone.
    ///   - bytes: the first bytes of the file, best all of it: what lies further is not seen, so an upload may still refuse
    ///     it; `nil`: from the name alone.
    public static func contentType(of name: String?, startingWith bytes: Data? = nil) -> String? {
        try? withTexts { texts in
            let name = try texts.add(name, "name")
            let found = (bytes ?? Data()).withUnsafeBytes { bytes in
                linq_content_type(name, bytes.baseAddress, bytes.count)
            }
            return text(found)
        }
    }
}
