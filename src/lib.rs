//! Pre-upload attachments to the Linq messaging API.
