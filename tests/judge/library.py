"""The calls of linq.h that no example program makes, over ctypes."""

import ctypes
from ctypes import POINTER, byref, c_char_p, c_int32, c_size_t, c_uint32, c_uint64, c_void_p


class ClientOptions(ctypes.Structure):
    _fields_ = [("struct_size", c_size_t), ("api_key", c_char_p), ("base_url", c_char_p), ("user_agent", c_char_p),
                ("ca_file", c_char_p), ("ca_pem", c_char_p), ("proxy", c_char_p), ("flags", c_uint32),
                ("connect_timeout_ms", c_uint32), ("stall_timeout_ms", c_uint32), ("max_attempts", c_uint32)]


class File(ctypes.Structure):
    _fields_ = [("struct_size", c_size_t), ("filename", c_char_p), ("content_type", c_char_p), ("reserved", c_void_p),
                ("size_bytes", c_uint64)]


class Message(ctypes.Structure):
    _fields_ = [("struct_size", c_size_t), ("sender", c_char_p), ("to", POINTER(c_char_p)), ("to_count", c_size_t),
                ("text", c_char_p), ("attachment_ids", POINTER(c_char_p)), ("attachment_count", c_size_t),
                ("idempotency_key", c_char_p)]


class Error(ctypes.Structure):
    _fields_ = [("struct_size", c_size_t), ("message", c_char_p)]


class Client:
    """A client of the sandbox; lets WebP and SVG through (2)."""

    def __init__(self, library, ready):
        self.linq = ctypes.CDLL(library)
        self.linq.linq_free.argtypes = [c_void_p]
        options = ClientOptions(ctypes.sizeof(ClientOptions), ready["key"].encode(), ready["api"].encode(), flags=1 | 2)
        self.client = self.call("linq_client_new", byref(options))

    def close(self):
        self.linq.linq_free(self.client)

    def call(self, name, *words, has_result=True):
        """What the function gave, or an exception with its message."""
        result, error = c_void_p(), POINTER(Error)()
        outs = ([byref(result)] if has_result else []) + [byref(error)]
        status = c_int32(getattr(self.linq, name)(*words, *outs)).value
        if status != 0:
            message = error.contents.message.decode()
            self.linq.linq_free(error)
            raise RuntimeError(message)
        return result

    def presign(self, filename, content_type, size):
        file = File(ctypes.sizeof(File), filename.encode(), content_type.encode(), None, size)
        self.linq.linq_free(self.call("linq_presign", self.client, byref(file), None))

    def send_message(self, sender, to, text, attachment_ids):
        def array(texts):
            return (c_char_p * len(texts))(*[text.encode() for text in texts])

        message = Message(ctypes.sizeof(Message), sender.encode(), array(to), len(to), text and text.encode(),
                          array(attachment_ids), len(attachment_ids), None)
        self.linq.linq_free(self.call("linq_send_message", self.client, byref(message), None))

    def get(self, attachment_id):
        self.linq.linq_free(self.call("linq_attachment_get", self.client, attachment_id.encode(), None))

    def delete(self, attachment_id):
        self.call("linq_attachment_delete", self.client, attachment_id.encode(), None, has_result=False)
