import CLinq
import Foundation
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// A reserved place: where the bytes go, and the headers that the URL was signed with.
///
/// A server makes one with ``Client/presign(filename:contentType:size:timeout:)`` and sends it as JSON to the app that
/// has the bytes, which uploads with ``Client/upload(presigned:from:options:progress:renew:)``. It is a secret until it
/// expires: anyone who has it may upload. Printing one does not show the URL.
///
/// `JSONEncoder` writes the fields of ``json``; `JSONDecoder` reads those, and Linq's own reply to `POST /v3/attachments`. It
/// goes by its own rules, so what is not proper JSON may be refused there and taken by ``init(json:)``, or the other way round.
public struct Presigned: Sendable, Hashable, Codable, CustomReflectable {
    /// The id to use in messages once the bytes are there.
    public let attachmentID: String
    /// Where to put the bytes.
    public let uploadURL: URL
    /// Where the file will be found. `nil` where Linq does not send it, and where `URL(string:)` cannot take the address.
    public let downloadURL: URL?
    /// Always "PUT".
    public let httpMethod: String
    /// The headers to send with it, exactly so.
    public let headers: [String: String]
    /// When ``uploadURL`` expires, by the server's clock.
    public let expiresAt: Date
    /// The name it was reserved under. `nil` where the JSON did not say.
    public let filename: String?
    /// The content type it was reserved for. `nil` where the JSON did not say.
    public let contentType: String?
    /// The size in bytes it was reserved for. `nil` where the JSON did not say.
    public let size: Int?
    /// All of this as JSON, for the one who uploads.
    public let json: String

    /// Reads the JSON that a server handed over: ``json``, or Linq's own reply to `POST /v3/attachments`. Unknown fields are
    /// ignored.
    ///
    /// - Parameter json: UTF-8, at most 1 MiB.
    /// - Throws: ``LinqError``: `invalidArgument` where it is not such JSON, or asks for something that an upload must not
    ///   do; `protocol` where `URL` cannot take the upload URL without changing what was signed.
    public init(json: Data) throws {
        self = try Self.withPlace(json) { try Presigned($0.pointee) }
    }

    /// Reads the fields of ``json``, or those of Linq's own reply.
    ///
    /// - Throws: what the decoder throws; ``LinqError`` as ``init(json:)``.
    public init(from decoder: any Decoder) throws {
        try self.init(json: JSONEncoder().encode(JSON(from: decoder)))
    }

    /// Writes the fields of ``json``.
    ///
    /// - Throws: what the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        try JSONDecoder().decode(JSON.self, from: Data(json.utf8)).encode(to: encoder)
    }

    /// The PUT for a `URLSession` upload task, without a body: the session goes on with it while the app sleeps.
    ///
    /// ```swift
    /// session.uploadTask(with: presigned.urlRequest, fromFile: url).resume()
    /// ```
    ///
    /// The file must be as long as ``size`` says. ``validate(response:body:)`` tells whether the bytes are there then.
    public var urlRequest: URLRequest {
        var request = URLRequest(url: uploadURL)
        request.httpMethod = httpMethod
        // URLSession reserves these two. It makes them from the URL and the file, and where they are required at all, the
        // core has seen to it that they say just that, save that a required host may spell out the default port.
        let reserved = ["host", "content-length"]
        for (name, value) in headers where !reserved.contains(name.lowercased()) {
            request.setValue(value, forHTTPHeaderField: name)
        }
        return request
    }

    /// Throws unless the response to ``urlRequest`` means that the file is there.
    ///
    /// That is more than a status: the storage may find out that something failed after it began to answer, and a captive portal
    /// may answer in its place.
    ///
    /// - Parameters:
    ///   - response: what the task got, such as `URLSessionTask.response`.
    ///   - body: its whole body, of which the first MiB counts; empty where nothing was received.
    /// - Throws: ``LinqError``, the one that an upload by this package throws for this response: `expired` where the place is no
    ///   longer open, so reserve another; `storage` where the storage host refused; `protocol` for a web page. Where it is
    ///   ``LinqError/isRetryable``, the same request may succeed later. `invalidArgument` where it is not an HTTP response.
    public func validate(response: URLResponse, body: Data) throws {
        guard let response = response as? HTTPURLResponse, let status = UInt32(exactly: response.statusCode) else {
            throw LinqError(.invalidArgument, "the response is not an HTTP response")
        }
        try withPlace { place in
            try body.withUnsafeBytes { bytes in
                var error: UnsafeMutablePointer<linq_error>?
                try check(linq_presigned_check(place, status, bytes.baseAddress, bytes.count, &error), error)
            }
        }
    }

    /// Whether both are the same place; the order of fields in ``json`` does not count.
    public static func == (one: Presigned, other: Presigned) -> Bool {
        one.attachmentID == other.attachmentID && one.uploadURL == other.uploadURL
            && one.downloadURL == other.downloadURL && one.httpMethod == other.httpMethod
            && one.headers == other.headers && one.expiresAt == other.expiresAt && one.filename == other.filename
            && one.contentType == other.contentType && one.size == other.size
    }

    /// Hashes what tells one place from another.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(attachmentID)
        hasher.combine(uploadURL)
    }

    /// What printing shows: nothing to upload with.
    public var customMirror: Mirror {
        Mirror(
            self,
            children: [
                "attachmentID": attachmentID, "filename": filename ?? "nil", "contentType": contentType ?? "nil",
                "size": size.map(String.init) ?? "nil", "expiresAt": expiresAt,
            ], displayStyle: .struct)
    }

    init(_ place: linq_presigned) throws {
        // What was signed is sent exactly so, or not at all.
        guard let uploadURL = url(place.upload_url), uploadURL.absoluteString == text(place.upload_url) else {
            throw LinqError(.protocol, "the upload_url is not one that Foundation can take as it is")
        }
        attachmentID = text(place.attachment_id) ?? ""
        self.uploadURL = uploadURL
        downloadURL = url(place.download_url)
        httpMethod = text(place.http_method) ?? ""
        let pairs = UnsafeBufferPointer(start: place.headers, count: place.header_count)
        headers = Dictionary(pairs.map { (text($0.name) ?? "", text($0.value) ?? "") }) { first, _ in first }
        expiresAt = date(place.expires_at_ms)
        filename = text(place.filename)
        contentType = text(place.content_type)
        size = place.size_bytes == 0 ? nil : Int(clamping: place.size_bytes)
        json = text(place.json) ?? ""
    }

    /// The place in C, for as long as `body` runs.
    func withPlace<Result>(_ body: (UnsafePointer<linq_presigned>) throws -> Result) throws -> Result {
        try Self.withPlace(Data(json.utf8), body)
    }

    private static func withPlace<Result>(
        _ json: Data, _ body: (UnsafePointer<linq_presigned>) throws -> Result
    ) throws -> Result {
        let place = try parse(json)
        defer { linq_free(place) }
        return try body(place)
    }

    /// A place in C, which the library will free.
    func place() throws -> UnsafeMutablePointer<linq_presigned> { try Self.parse(Data(json.utf8)) }

    private static func parse(_ json: Data) throws -> UnsafeMutablePointer<linq_presigned> {
        var place: UnsafeMutablePointer<linq_presigned>?
        var error: UnsafeMutablePointer<linq_error>?
        let status = json.withUnsafeBytes { bytes in
            linq_presigned_parse(bytes.bindMemory(to: CChar.self).baseAddress, bytes.count, &place, &error)
        }
        try check(status, error)
        return try made(place)
    }
}
