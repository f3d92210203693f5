import CLinq
import Foundation

/// A file that is there.
///
/// Printing one shows ``downloadURL`` without its query, which may be signed.
public struct Attachment: Sendable, Hashable, Identifiable, CustomReflectable {
    /// For any number of messages as long as it lasts: an ephemeral attachment is removed 24 to 48 hours after the
    /// upload, a persistent one stays until it is deleted.
    public let id: String
    /// Where the file is. `nil` where Linq does not send it, and where `URL(string:)` cannot take the address.
    public let downloadURL: URL?
    /// The name it was declared under; empty where a presigned JSON did not say.
    public let filename: String
    /// The type it was declared as; empty where a presigned JSON did not say.
    public let contentType: String
    /// Its size in bytes.
    public let size: Int
    /// How many attempts the upload made in all.
    public let attempts: Int

    /// Makes one, for previews and tests of your own; each parameter is the property of that name.
    public init(id: String, downloadURL: URL? = nil, filename: String, contentType: String, size: Int, attempts: Int = 1) {
        self.id = id
        self.downloadURL = downloadURL
        self.filename = filename
        self.contentType = contentType
        self.size = size
        self.attempts = attempts
    }

    /// What printing shows: no secret.
    public var customMirror: Mirror {
        Mirror(
            self,
            children: [
                "id": id, "downloadURL": withoutQuery(downloadURL), "filename": filename, "contentType": contentType,
                "size": size, "attempts": attempts,
            ], displayStyle: .struct)
    }

    init(_ attachment: linq_attachment) {
        id = text(attachment.attachment_id) ?? ""
        downloadURL = url(attachment.download_url)
        filename = text(attachment.filename) ?? ""
        contentType = text(attachment.content_type) ?? ""
        size = Int(clamping: attachment.size_bytes)
        attempts = Int(attachment.attempts)
    }
}

/// What Linq knows of an attachment.
///
/// Printing one shows ``downloadURL`` without its query, which may be signed.
public struct AttachmentInfo: Sendable, Hashable, Identifiable, CustomReflectable {
    /// Its id.
    public let id: String
    /// Its name.
    public let filename: String
    /// Its content type.
    public let contentType: String
    /// Its size in bytes.
    public let size: Int
    /// When it was reserved.
    public let createdAt: Date
    /// Where the file is, freshly signed where the account asks for that. `nil` where Linq does not send it, as before the
    /// file is there, or where `URL(string:)` cannot take the address.
    public let downloadURL: URL?
    /// "pending", "complete" or "failed" where Linq still sends it (deprecated since May 2026), else `nil`.
    public let status: String?

    /// Makes one, for previews and tests of your own; each parameter is the property of that name.
    public init(
        id: String, filename: String, contentType: String, size: Int, createdAt: Date, downloadURL: URL? = nil,
        status: String? = nil
    ) {
        self.id = id
        self.filename = filename
        self.contentType = contentType
        self.size = size
        self.createdAt = createdAt
        self.downloadURL = downloadURL
        self.status = status
    }

    /// What printing shows: no secret.
    public var customMirror: Mirror {
        Mirror(
            self,
            children: [
                "id": id, "filename": filename, "contentType": contentType, "size": size, "createdAt": createdAt,
                "downloadURL": withoutQuery(downloadURL), "status": status ?? "nil",
            ], displayStyle: .struct)
    }

    init(_ info: linq_attachment_info) {
        id = text(info.attachment_id) ?? ""
        filename = text(info.filename) ?? ""
        contentType = text(info.content_type) ?? ""
        size = Int(clamping: info.size_bytes)
        createdAt = date(info.created_at_ms)
        downloadURL = url(info.download_url)
        status = text(info.status)
    }
}

/// An address for printing: anyone who has the query of a signed one can fetch the file.
private func withoutQuery(_ url: URL?) -> String {
    guard let url else { return "nil" }
    let parts = url.absoluteString.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    return parts.count == 1 ? url.absoluteString : "\(parts[0])?…"
}
