import CLinq
import Foundation

/// What one request took and how it ended, for metrics. Holds no secret. The times from ``lookup`` to ``receive`` are consecutive
/// parts, which add up to ``total``; a part that did not take place is zero.
public struct Attempt: Sendable, Hashable {
    /// The step of a call that a request belongs to.
    public enum Step: Sendable, Hashable {
        /// Reserving a place.
        case reserve
        /// Uploading the bytes.
        case put
        /// Any other request.
        case other
    }

    /// The host that it was sent to.
    public let host: String
    /// Linq's trace id, or the storage host's request id.
    public let requestID: String?
    /// Why it failed, for people; `nil`: it succeeded.
    public let reason: String?
    /// How it failed; `nil`: it succeeded.
    public let status: LinqError.Status?
    /// How many bytes were sent for it on the wire, including heads and TLS.
    public let bytesSent: Int
    /// How many bytes were received.
    public let bytesReceived: Int
    /// Looking up the name.
    public let lookup: Duration
    /// Connecting.
    public let connect: Duration
    /// Asking a proxy for a tunnel.
    public let proxy: Duration
    /// The TLS handshake.
    public let tls: Duration
    /// From the first byte of the request until the system took its last.
    public let send: Duration
    /// From there until the head of the response had arrived.
    public let wait: Duration
    /// The rest of the response.
    public let receive: Duration
    /// All of it.
    public let total: Duration
    /// The step of the call that it belongs to.
    public let step: Step
    /// The number of the attempt within the call, from 1. A request whose pooled connection was dead is sent again under the same number.
    public let number: Int
    /// The HTTP status; `nil`: there was no response.
    public let httpStatus: Int?
    /// Whether the connection was open already.
    public let isReused: Bool
    /// How long until the next attempt; zero: there is none, or it is made at once.
    public let againIn: Duration

    init(_ attempt: linq_attempt) {
        let time = { (part: UInt64) in Duration.microseconds(Int64(clamping: part)) }
        host = text(attempt.host) ?? ""
        requestID = text(attempt.request_id)
        reason = text(attempt.reason)
        status = attempt.status == LINQ_OK ? nil : LinqError.Status(rawValue: attempt.status)
        bytesSent = Int(clamping: attempt.bytes_sent)
        bytesReceived = Int(clamping: attempt.bytes_received)
        lookup = time(attempt.lookup_us)
        connect = time(attempt.connect_us)
        proxy = time(attempt.proxy_us)
        tls = time(attempt.tls_us)
        send = time(attempt.send_us)
        wait = time(attempt.wait_us)
        receive = time(attempt.receive_us)
        total = time(attempt.total_us)
        step =
            switch attempt.step {
            case UInt32(LINQ_STEP_RESERVE): .reserve
            case UInt32(LINQ_STEP_PUT): .put
            default: .other
            }
        number = Int(attempt.number)
        httpStatus = attempt.http_status == 0 ? nil : Int(attempt.http_status)
        isReused = attempt.reused != 0
        againIn = .milliseconds(Int64(attempt.again_in_ms))
    }
}

/// The function that is called after each request; it lives as long as the client.
final class AttemptObserver: Sendable {
    private let function: @Sendable (Attempt) -> Void

    init(_ function: @escaping @Sendable (Attempt) -> Void) { self.function = function }

    /// The callback for C.
    static let callback: linq_attempt_fn = { user, attempt in
        guard let user, let attempt else { return }
        let observer = Unmanaged<AttemptObserver>.fromOpaque(user).takeUnretainedValue()
        withPool { observer.function(Attempt(attempt.pointee)) }
    }

    /// Its user data.
    var user: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }
}
