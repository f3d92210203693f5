import CLinq
import Foundation

/// C's copies of Swift's texts, for the length of one call.
final class Texts {
    private var copies: [(start: UnsafeMutablePointer<CChar>, count: Int)] = []

    /// A copy that ends with a NUL; `nil` for `nil`. A NUL within would reach C cut short, and is refused.
    func add(_ text: String?, _ name: String) throws -> UnsafePointer<CChar>? {
        try text.map { try copy($0, name) }
    }

    private func copy(_ text: String, _ name: String) throws -> UnsafePointer<CChar> {
        guard !text.utf8.contains(0) else {
            throw LinqError(.invalidArgument, "\(name) contains a NUL character")
        }
        let bytes = text.utf8CString
        let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
        bytes.withUnsafeBufferPointer { copy.initialize(from: $0.baseAddress!, count: $0.count) }
        copies.append((copy, bytes.count))
        return UnsafePointer(copy)
    }

    /// The bytes of a file's path.
    func add(path url: URL, _ name: String) throws -> UnsafePointer<CChar> {
        guard url.isFileURL else {
            throw LinqError(.invalidArgument, "\(name) is not the URL of a file: its scheme is \(url.scheme ?? "missing")")
        }
        guard !url.path.isEmpty else {
            throw LinqError(.invalidArgument, "\(name) is a URL without a path, or with one whose escapes are no UTF-8")
        }
        return try copy(url.path, name)
    }

    /// Pointers to copies of several.
    func add(_ list: [String], _ name: String) throws -> [UnsafePointer<CChar>?] {
        try list.indices.map { try add(list[$0], "\(name)[\($0)]") }
    }

    /// One of them may be the key.
    fileprivate func release() {
        for copy in copies {
            #if canImport(Darwin)
            memset_s(copy.start, copy.count, 0, copy.count)
            #else
            explicit_bzero(copy.start, copy.count)
            #endif
            copy.start.deallocate()
        }
        copies = []
    }
}

/// Not `deinit`: that may run as soon as the last text was added, before the call that uses it.
func withTexts<Result>(_ body: (Texts) throws -> Result) rethrows -> Result {
    let texts = Texts()
    defer { texts.release() }
    return try body(texts)
}

func text(_ text: UnsafePointer<CChar>?) -> String? { text.map { String(cString: $0) } }

/// What `URL` makes of an address: a space becomes %20, or there is none, by the version of Foundation.
func url(_ address: UnsafePointer<CChar>?) -> URL? { text(address).flatMap { URL(string: $0) } }

func date(_ milliseconds: Int64) -> Date { Date(timeIntervalSince1970: Double(milliseconds) / 1000) }

/// A timeout that the caller gave, where it gives any time.
func positive(_ timeout: Duration?, _ name: String) throws -> Duration? {
    if let timeout, timeout <= .zero {
        throw LinqError(.invalidArgument, "\(name) is \(timeout); it must be more than zero")
    }
    return timeout
}

/// 0 stands for "not given"; what is left of a timeout that is over is 1. Rounded up.
func milliseconds(_ duration: Duration?) -> UInt32 {
    guard let duration else { return 0 }
    let (seconds, attoseconds) = duration.components
    guard seconds < UInt32.max / 1000 else { return UInt32.max }
    guard seconds >= 0, attoseconds >= 0 else { return 1 }
    let up = (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
    return max(1, UInt32(seconds * 1000 + up))
}

func count(_ value: Int, _ name: String) throws -> UInt64 {
    guard let count = UInt64(exactly: value) else { throw LinqError(.invalidArgument, "\(name) is \(value)") }
    return count
}

/// What a call that succeeded hands out is there.
func made<Pointer>(_ result: Pointer?) throws -> Pointer {
    guard let result else { throw LinqError(.internal, "liblinq reported success without a result") }
    return result
}

/// Throws what a failed call reported, and gives it back to C.
func check(_ status: linq_status, _ error: UnsafeMutablePointer<linq_error>?) throws {
    defer { linq_free(error) }
    if status == LINQ_OK { return }
    if status == LINQ_CANCELLED { throw CancellationError() }
    guard let error else {
        throw LinqError(LinqError.Status(rawValue: status), "the call failed with \(String(cString: linq_status_name(status)))")
    }
    throw LinqError(error.pointee)
}
