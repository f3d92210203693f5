import CLinq
import Foundation

/// Where the bytes of an upload come from: 1 to 104 857 600 of them.
public struct UploadSource: Sendable {
    enum Kind: Sendable {
        case file(URL)
        case data(Data)
        case handle(OpenFile, offset: UInt64, length: Int?)
        case stream(ChunkStream)
    }

    let kind: Kind

    /// A file on disk; symbolic links are followed. Memory is bounded whatever its size.
    public static func file(_ url: URL) -> UploadSource { UploadSource(kind: .file(url)) }

    /// Bytes in memory. They are not copied.
    public static func data(_ data: Data) -> UploadSource { UploadSource(kind: .data(data)) }

    /// An open file, or a part of it.
    ///
    /// - Parameters:
    ///   - handle: a regular file, open for reading. Its position is neither used nor moved. The source keeps the file open
    ///     for itself, so the handle may be closed at once. One that is closed already is a programming error: on Apple's
    ///     platforms Foundation ends the process here, elsewhere the upload throws ``LinqError/Status/file``.
    ///   - offset: the first byte to send.
    ///   - length: how many bytes to send; `nil`: up to the end of the file.
    public static func handle(_ handle: FileHandle, offset: UInt64 = 0, length: Int? = nil) -> UploadSource {
        UploadSource(kind: .handle(OpenFile(handle), offset: offset, length: length))
    }

    /// A stream of chunks that can be read once: the upload is not tried again once bytes were sent.
    ///
    /// It is read from when the bytes are needed, one chunk at a time, in a task with the priority and the task-local
    /// values of the one that uploads. That task is cancelled when the upload ends; it is not waited for. What the stream
    /// throws ends the upload, which throws it in turn.
    ///
    /// - Parameters:
    ///   - stream: gives the bytes, in chunks of any size.
    ///   - size: exactly how many bytes it gives; less or more is ``LinqError/Status/file``.
    public static func stream<Chunks: AsyncSequence & Sendable>(_ stream: Chunks, size: Int) -> UploadSource
    where Chunks.Element == Data {
        UploadSource(kind: .stream(ChunkStream(size: size, isRewindable: false) { $0.give(stream.makeAsyncIterator()) }))
    }

    /// A stream of single bytes that can be read once, such as `URLSession.AsyncBytes`; else as a
    /// stream of chunks.
    public static func stream<Bytes: AsyncSequence & Sendable>(_ stream: Bytes, size: Int) -> UploadSource
    where Bytes.Element == UInt8 { .stream(Gathered(bytes: stream), size: size) }

    /// A stream that can be made anew, so that an attempt that failed can be made again from the first byte.
    ///
    /// - Parameters:
    ///   - size: exactly how many bytes it gives; less or more is ``LinqError/Status/file``.
    ///   - make: makes the stream; called for each attempt that reads, and before anything is sent also where the first
    ///     4 KiB do not tell the type and the library looks further, as behind an ID3 tag. What it throws ends the upload,
    ///     which throws it in turn.
    public static func stream<Chunks: AsyncSequence & Sendable>(
        size: Int, _ make: @escaping @Sendable () async throws -> Chunks
    ) -> UploadSource where Chunks.Element == Data {
        UploadSource(kind: .stream(ChunkStream(size: size, isRewindable: true) { try await $0.give(make().makeAsyncIterator()) }))
    }

    var stream: ChunkStream? {
        guard case .stream(let stream) = kind else { return nil }
        return stream
    }

    /// The source in C, for as long as `body` runs.
    func withSource<Result>(
        _ texts: Texts, _ callbacks: UploadCallbacks, _ body: (UnsafePointer<linq_source>) throws -> Result
    ) throws -> Result {
        var source = linq_source_default()
        switch kind {
        case .file(let url):
            source.kind = UInt32(LINQ_SOURCE_PATH)
            source.path = try texts.add(path: url, "the file")
            return try body(&source)
        case .data(let data):
            source.kind = UInt32(LINQ_SOURCE_BYTES)
            return try data.withUnsafeBytes { bytes in
                source.bytes = bytes.baseAddress
                source.length = UInt64(bytes.count)
                return try body(&source)
            }
        case .handle(let file, let offset, let length):
            // In C, 0 stands for all of it.
            guard length != 0 else { throw LinqError(.unsupported, "length is 0; Linq takes no empty files") }
            guard file.descriptor >= 0 else {
                throw LinqError(.file, "the file handle was closed, or descriptors ran out")
            }
            source.kind = UInt32(LINQ_SOURCE_DESCRIPTOR)
            source.descriptor = UInt32(file.descriptor)
            source.offset = offset
            source.length = try length.map { try count($0, "length") } ?? 0
            return try withExtendedLifetime(file) { try body(&source) }
        case .stream(let stream):
            source.kind = UInt32(LINQ_SOURCE_READER)
            source.length = try count(stream.size, "size")
            callbacks.install(in: &source, isRewindable: stream.isRewindable)
            return try body(&source)
        }
    }
}

/// A file that stays open for as long as an upload may need it. Its handle is read here, in the caller's own frame: later,
/// on another thread, it may be closed, and another file have its number.
final class OpenFile: Sendable {
    /// Negative where there is none.
    let descriptor: Int32

    init(_ handle: FileHandle) { descriptor = fcntl(handle.fileDescriptor, F_DUPFD_CLOEXEC, 0) }

    deinit { if descriptor >= 0 { close(descriptor) } }
}
