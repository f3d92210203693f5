import CLinq
import Foundation

/// A message to send.
public struct Message: Sendable, Hashable {
    /// One of your own numbers, such as "+15551234567".
    public var from: String
    /// Whom to send to: numbers or e-mail addresses.
    public var to: [String]
    /// Text that goes before the attachments.
    public var text: String?
    /// The ids of the attachments, in order. May be empty where there is a text.
    public var attachmentIDs: [String]
    /// Linq never sends twice with the same key. Up to 255 characters; `nil`: a fresh one, which the ``Receipt``
    /// tells, and a ``LinqError`` where the message may have arrived all the same.
    public var idempotencyKey: String?

    /// Makes a message; each parameter is the property of that name.
    public init(
        from: String, to: [String], text: String? = nil, attachmentIDs: [String] = [], idempotencyKey: String? = nil
    ) {
        self.from = from
        self.to = to
        self.text = text
        self.attachmentIDs = attachmentIDs
        self.idempotencyKey = idempotencyKey
    }

    func withMessage<Result>(_ body: (UnsafePointer<linq_message>) throws -> Result) throws -> Result {
        try withTexts { texts in
            var message = linq_message_default()
            message.from = try texts.add(from, "from")
            message.text = try texts.add(text, "text")
            message.idempotency_key = try texts.add(idempotencyKey, "idempotencyKey")
            return try texts.add(to, "to").withUnsafeBufferPointer { people in
                message.to = people.baseAddress
                message.to_count = people.count
                return try texts.add(attachmentIDs, "attachmentIDs").withUnsafeBufferPointer { ids in
                    message.attachment_ids = ids.baseAddress
                    message.attachment_count = ids.count
                    return try body(&message)
                }
            }
        }
    }
}

/// What Linq answered to a message.
public struct Receipt: Sendable, Hashable {
    /// The chat it went to.
    public let chatID: String
    /// The message. `nil` where the reply does not name it.
    public let messageID: String?
    /// The key it was sent with. To send the same message again, use the same key.
    public let idempotencyKey: String

    /// Makes one, for previews and tests of your own; each parameter is the property of that name.
    public init(chatID: String, messageID: String? = nil, idempotencyKey: String) {
        self.chatID = chatID
        self.messageID = messageID
        self.idempotencyKey = idempotencyKey
    }

    init(_ receipt: linq_receipt) {
        chatID = text(receipt.chat_id) ?? ""
        messageID = text(receipt.message_id)
        idempotencyKey = text(receipt.idempotency_key) ?? ""
    }
}
