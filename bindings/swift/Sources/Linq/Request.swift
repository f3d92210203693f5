import CLinq
import Foundation

/// A call of the API that has no function of its own here.
///
/// ```swift
/// let part = ["type": "media", "attachment_id": photo.id]
/// let body = ["message": ["parts": [part], "idempotency_key": photo.id]]
/// try await client.send(Request(
///     .post, "/v3/chats/\(chatID)/messages", json: JSONSerialization.data(withJSONObject: body), isRepeatable: true))
/// ```
public struct Request: Sendable, Hashable {
    /// What is asked of the path.
    public enum Method: String, Sendable, CaseIterable {
        case get = "GET"
        case head = "HEAD"
        case put = "PUT"
        case delete = "DELETE"
        case post = "POST"
        case patch = "PATCH"
    }

    /// What is asked of the path.
    public var method: Method
    /// What follows the base URL, such as "/v3/chats/{id}/messages" with an id in it. A query is allowed.
    public var path: String
    /// What to send, in UTF-8, at most 1 MiB; `nil`: no body. `get` and `head` take none.
    public var json: Data?
    /// Sent as the header Idempotency-Key: 1 to 255 printable ASCII characters. Only some paths honour it; others take a key
    /// inside their JSON.
    public var idempotencyKey: String?
    /// Whether a `post` or `patch` may be done twice, so that it may be tried again after any failure that may pass. The
    /// other methods always may.
    public var isRepeatable: Bool

    /// Makes a request; each parameter is the property of that name.
    public init(
        _ method: Method, _ path: String, json: Data? = nil, idempotencyKey: String? = nil, isRepeatable: Bool = false
    ) {
        self.method = method
        self.path = path
        self.json = json
        self.idempotencyKey = idempotencyKey
        self.isRepeatable = isRepeatable
    }

    func withRequest<Result>(_ body: (UnsafePointer<linq_request>) throws -> Result) throws -> Result {
        try withTexts { texts in
            var request = linq_request_default()
            request.method = try texts.add(method.rawValue, "method")
            request.path = try texts.add(path, "path")
            request.json = try texts.add(json.map(Self.text), "json")
            request.idempotency_key = try texts.add(idempotencyKey, "idempotencyKey")
            request.flags = isRepeatable ? UInt32(LINQ_REQUEST_REPEATABLE) : 0
            return try body(&request)
        }
    }

    private static func text(_ json: Data) throws -> String {
        guard let text = String(data: json, encoding: .utf8) else { throw LinqError(.invalidArgument, "json is not UTF-8") }
        return text
    }
}

/// What Linq answered to a request.
public struct Response: Sendable, Hashable {
    /// The body. `nil` where there is none.
    public let json: Data?
    /// Linq's trace id, which its support asks for.
    public let traceID: String?
    /// The status: 200 to 299, or 404 for a `delete` that was made again and found that it was done.
    public let httpStatus: Int

    /// Makes one, for previews and tests of your own; each parameter is the property of that name.
    public init(json: Data? = nil, traceID: String? = nil, httpStatus: Int) {
        self.json = json
        self.traceID = traceID
        self.httpStatus = httpStatus
    }

    init(_ response: linq_response) {
        json = text(response.json).map { Data($0.utf8) }
        traceID = text(response.trace_id)
        httpStatus = Int(response.http_status)
    }
}
