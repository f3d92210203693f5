package linq

/*
#include <linq.h>
*/
import "C"

import (
	"context"
	"unsafe"
)

// Message is a message to send.
type Message struct {
	// From is required: one of your own numbers, such as "+15551234567".
	From string
	// To is required: the numbers or e-mail addresses to send to.
	To []string
	// Text goes before the attachments. It may be "" where there are some.
	Text string
	// AttachmentIDs are the attachments, in order. There may be none where there is a text.
	AttachmentIDs []string
	// IdempotencyKey: Linq never sends twice with the same one. Up to 255 characters; "": a fresh one, which the Receipt tells,
	// and an [Error] where the message may have arrived all the same.
	IdempotencyKey string
}

// Receipt is what Linq answered to a message.
type Receipt struct {
	// ChatID is the chat it went to.
	ChatID string
	// MessageID is the message; "" where the reply does not name it.
	MessageID string
	// IdempotencyKey is what it was sent with. To send the same message again, use the same one.
	IdempotencyKey string
}

// SendMessage sends a message with attachments, into the chat that these people already share or into a new one. It is always
// sent with an idempotency key, so trying again never sends twice. After an error, send again with its IdempotencyKey where it
// has one: the message may have arrived.
func (c *Client) SendMessage(ctx context.Context, message Message) (*Receipt, error) {
	call := newCall(ctx)
	defer call.close()
	m := C.linq_message_default()
	m.from = call.text("Message.From", message.From)
	m.to, m.to_count = call.texts("Message.To", message.To), C.size_t(len(message.To))
	m.text = call.textOrNull("Message.Text", message.Text)
	m.attachment_ids = call.texts("Message.AttachmentIDs", message.AttachmentIDs)
	m.attachment_count = C.size_t(len(message.AttachmentIDs))
	m.idempotency_key = call.textOrNull("Message.IdempotencyKey", message.IdempotencyKey)
	options := call.options(c)
	var receipt *Receipt
	err := call.runWith(c, func(client *C.linq_client, failure **C.linq_error) C.linq_status {
		var at *C.linq_receipt
		status := C.linq_send_message(client, &m, options, &at, failure)
		receipt = newReceipt(at)
		return status
	})
	return receipt, err
}

// newReceipt gives the original back; nil is nothing.
func newReceipt(at *C.linq_receipt) *Receipt {
	if at == nil {
		return nil
	}
	defer C.linq_free(unsafe.Pointer(at))
	r := result(at)
	return &Receipt{
		ChatID:         C.GoString(r.chat_id),
		MessageID:      C.GoString(r.message_id),
		IdempotencyKey: C.GoString(r.idempotency_key),
	}
}
