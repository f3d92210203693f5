import CLinq
import Foundation

/// What failed, on what, why, and what to do about it. Holds no secret.
///
/// `localizedDescription` is the ``message``. Decide by the other fields: its wording may change.
///
/// ```swift
/// } catch let error as LinqError where error.status == .expired {
///     // ask the server for a new place
/// }
/// ```
public struct LinqError: LocalizedError, Sendable, Hashable {
    /// What kind of failure it was. Kinds may be added, so a `switch` over them needs a `default`.
    public struct Status: RawRepresentable, Sendable, Hashable, CaseIterable, CustomStringConvertible {
        /// The number, as in linq.h.
        public let rawValue: Int32

        /// The kind with this number; one that this version does not know is ``internal``.
        public init(rawValue: Int32) {
            self.rawValue = Self.numbers.contains(rawValue) ? rawValue : LINQ_INTERNAL
        }

        /// An argument is invalid. The message names it. Nothing was done.
        public static let invalidArgument = Status(rawValue: LINQ_INVALID_ARGUMENT)
        /// The source cannot be opened or read, is no regular file, changed while it was being sent, or is not as long as
        /// was said.
        public static let file = Status(rawValue: LINQ_FILE)
        /// A content type, size or name that Linq would refuse; found before any network.
        public static let unsupported = Status(rawValue: LINQ_UNSUPPORTED)
        /// The name was not found, no connection could be made, or it broke.
        public static let network = Status(rawValue: LINQ_NETWORK)
        /// The TLS handshake failed, or the server's certificate is not trusted.
        public static let tls = Status(rawValue: LINQ_TLS)
        /// Connecting took too long, nothing moved for too long, or the timeout is over.
        public static let timeout = Status(rawValue: LINQ_TIMEOUT)
        /// Cancelled. Never thrown: that is a `CancellationError`.
        public static let cancelled = Status(rawValue: LINQ_CANCELLED)
        /// No API key, or one that Linq does not accept.
        public static let unauthorized = Status(rawValue: LINQ_UNAUTHORIZED)
        /// What was asked for does not exist, or belongs to another account. An attachment may have been removed since it
        /// was uploaded; upload it again.
        public static let notFound = Status(rawValue: LINQ_NOT_FOUND)
        /// Linq asks to slow down; see ``LinqError/retryAfter``.
        public static let rateLimited = Status(rawValue: LINQ_RATE_LIMITED)
        /// Any other refusal by Linq; see ``LinqError/httpStatus`` and ``LinqError/apiCode``.
        public static let api = Status(rawValue: LINQ_API)
        /// Any other refusal by the storage host; see ``LinqError/httpStatus`` and ``LinqError/storageCode``.
        public static let storage = Status(rawValue: LINQ_STORAGE)
        /// The presigned URL expired, where it cannot be renewed. Ask your server for a new one.
        public static let expired = Status(rawValue: LINQ_EXPIRED)
        /// The server broke its contract: a reply that cannot be read, or that asks for something it must not. Also a web
        /// page in place of an answer, as captive portals send.
        public static let `protocol` = Status(rawValue: LINQ_PROTOCOL)
        /// Memory ran out, or threads or descriptors did.
        public static let noMemory = Status(rawValue: LINQ_NO_MEMORY)
        /// A bug in liblinq.
        public static let `internal` = Status(rawValue: LINQ_INTERNAL)

        /// Every kind that this version knows.
        public static var allCases: [Status] { numbers.map(Status.init(rawValue:)) }

        /// The name in linq.h, such as "LINQ_TIMEOUT".
        public var description: String { String(cString: linq_status_name(rawValue)) }

        private static let numbers = [
            LINQ_INVALID_ARGUMENT, LINQ_FILE, LINQ_UNSUPPORTED, LINQ_NETWORK, LINQ_TLS, LINQ_TIMEOUT, LINQ_CANCELLED,
            LINQ_UNAUTHORIZED, LINQ_NOT_FOUND, LINQ_RATE_LIMITED, LINQ_API, LINQ_STORAGE, LINQ_EXPIRED, LINQ_PROTOCOL,
            LINQ_NO_MEMORY, LINQ_INTERNAL,
        ]
    }

    /// What kind of failure it was.
    public let status: Status
    /// A sentence for people. Its wording may change.
    public let message: String
    /// The HTTP status of the refusal, where there was one.
    public let httpStatus: Int?
    /// Linq's own error code, such as 1007.
    public let apiCode: Int?
    /// The storage host's own code, such as "SignatureDoesNotMatch".
    public let storageCode: String?
    /// The storage host's request id, which its support asks for.
    public let storageRequestID: String?
    /// The storage host's second id (x-amz-id-2), which its support asks for too.
    public let storageID2: String?
    /// Linq's page about ``apiCode``.
    public let docURL: URL?
    /// Linq's trace id, which its support asks for.
    public let traceID: String?
    /// The attachment that had been reserved when it failed.
    public let attachmentID: String?
    /// The key of a message, or of a request with one, which may have been sent although this failed. Send again with it: then
    /// it is not sent twice. `nil`: nothing was sent, or Linq refused it.
    public let idempotencyKey: String?
    /// The system's number for what failed, such as `ENOENT` or `ECONNREFUSED`.
    public let systemError: Int32?
    /// How long the server asked to wait before another try.
    public let retryAfter: Duration?
    /// How many attempts were made, the last included; 0: it failed before any network.
    public let attempts: Int
    /// Whether the same call may succeed later without a change.
    public let isRetryable: Bool

    /// The ``message``.
    public var errorDescription: String? { message }

    /// Makes one, for previews and tests of your own; each parameter is the property of that name.
    public init(
        status: Status, message: String, httpStatus: Int? = nil, apiCode: Int? = nil, storageCode: String? = nil,
        storageRequestID: String? = nil, storageID2: String? = nil, docURL: URL? = nil, traceID: String? = nil,
        attachmentID: String? = nil, idempotencyKey: String? = nil, systemError: Int32? = nil, retryAfter: Duration? = nil,
        attempts: Int = 0, isRetryable: Bool = false
    ) {
        self.status = status
        self.message = message
        self.httpStatus = httpStatus
        self.apiCode = apiCode
        self.storageCode = storageCode
        self.storageRequestID = storageRequestID
        self.storageID2 = storageID2
        self.docURL = docURL
        self.traceID = traceID
        self.attachmentID = attachmentID
        self.idempotencyKey = idempotencyKey
        self.systemError = systemError
        self.retryAfter = retryAfter
        self.attempts = attempts
        self.isRetryable = isRetryable
    }

    init(_ error: linq_error) {
        status = Status(rawValue: error.status)
        message = text(error.message) ?? ""
        httpStatus = Self.known(error.http_status)
        apiCode = Self.known(error.api_code)
        storageCode = text(error.storage_code)
        storageRequestID = text(error.storage_request_id)
        storageID2 = text(error.storage_id_2)
        docURL = url(error.doc_url)
        traceID = text(error.trace_id)
        attachmentID = text(error.attachment_id)
        idempotencyKey = text(error.idempotency_key)
        systemError = error.system_error == 0 ? nil : error.system_error
        retryAfter = Self.known(error.retry_after_ms).map { .milliseconds($0) }
        attempts = Int(error.attempts)
        isRetryable = error.retryable != 0
    }

    /// A failure that was found on this side of C.
    init(_ status: Status, _ message: String, isRetryable: Bool = false) {
        self.init(status: status, message: message, isRetryable: isRetryable)
    }

    private static func known(_ number: UInt32) -> Int? { number == 0 ? nil : Int(number) }
}
