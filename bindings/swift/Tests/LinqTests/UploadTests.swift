import Foundation
import Linq
import XCTest

/// What arrives is what was sent, whatever it came from.
final class UploadTests: SandboxTestCase {
    private func assertStored(
        _ attachment: Attachment, _ data: Data, _ name: String, _ type: String, file: StaticString = #filePath, line: UInt = #line
    ) {
        XCTAssertEqual(attachment.filename, name, file: file, line: line)
        XCTAssertEqual(attachment.contentType, type, file: file, line: line)
        XCTAssertEqual(attachment.size, data.count, file: file, line: line)
        let object = sandbox.objects.first { $0.attachment_id == attachment.id }
        XCTAssertEqual(object?.filename, name, file: file, line: line)
        XCTAssertEqual(object?.content_type, type, file: file, line: line)
        XCTAssertEqual(sandbox.bytes(of: attachment.id), data, "the bytes differ", file: file, line: line)
    }

    func testAFile() async throws {
        let photo = repository.appendingPathComponent("examples/photo.jpg")
        let attachment = try await sandbox.client().upload(fileAt: photo)
        try assertStored(attachment, Data(contentsOf: photo), "photo.jpg", "image/jpeg")
        XCTAssertEqual(attachment.attempts, 1)
        XCTAssertEqual(attachment.downloadURL?.host, sandbox.api.host)
    }

    func testAFileOverTLSWithOptionsAndAnUnusualPath() async throws {
        let data = someBytes(300_000)
        let url = try temporaryFile("a 100% späte #?&.txt", data)
        let client = try sandbox.clientTLS()
        let plain = try await client.upload(fileAt: url)
        assertStored(plain, data, url.lastPathComponent, "text/plain")
        let named = try await client.upload(
            fileAt: url, options: UploadOptions(filename: "übung.md", contentType: "text/markdown; charset=utf-8", timeout: .seconds(60)))
        assertStored(named, data, "übung.md", "text/markdown")
    }

    func testData() async throws {
        let data = someBytes(1_234_567)
        let attachment = try await sandbox.client().upload(data, filename: "a.txt")
        assertStored(attachment, data, "a.txt", "text/plain")
        // A slice begins elsewhere than at 0.
        let slice = data[1000..<2000]
        let part = try await sandbox.client().upload(slice, filename: "b.txt")
        assertStored(part, Data(slice), "b.txt", "text/plain")
    }

    func testAnOpenFileAndAPartOfIt() async throws {
        let data = someBytes(100_001)
        let handle = try FileHandle(forReadingFrom: temporaryFile("a.txt", data))
        try handle.seek(toOffset: 5)
        let client = try sandbox.client()
        let options = UploadOptions(filename: "a.txt")
        try assertStored(await client.upload(.handle(handle), options: options), data, "a.txt", "text/plain")
        try assertStored(
            await client.upload(.handle(handle, offset: 7, length: 50_000), options: options), data[7..<50_007], "a.txt",
            "text/plain")
        try assertStored(
            await client.upload(.handle(handle, offset: 99_999), options: options), data[99_999...], "a.txt", "text/plain")
        XCTAssertEqual(try handle.offset(), 5)
        _ = await assertLinqError(.unsupported, has: "length is 0") {
            try await client.upload(.handle(handle, length: 0), options: options)
        }
        _ = await assertLinqError(.invalidArgument, has: "length is -1") {
            try await client.upload(.handle(handle, length: -1), options: options)
        }
        let source = UploadSource.handle(handle, offset: 99_000)
        try handle.close()
        try assertStored(await client.upload(source, options: options), data[99_000...], "a.txt", "text/plain")
        #if !canImport(Darwin)
        _ = await assertLinqError(.file, has: "closed") { try await client.upload(.handle(handle), options: options) }
        #endif
    }

    func testAStreamOfChunks() async throws {
        let data = someBytes(700_003)
        let (stream, continuation) = AsyncStream.makeStream(of: Data.self)
        let sending = Task {
            continuation.yield(Data())
            for start in stride(from: 0, to: data.count, by: 70_000) {
                continuation.yield(data[start..<min(start + 70_000, data.count)])
                await Task.yield()
            }
            continuation.finish()
        }
        let attachment = try await sandbox.client().upload(
            .stream(stream, size: data.count), options: UploadOptions(filename: "a.txt"))
        await sending.value
        assertStored(attachment, data, "a.txt", "text/plain")
    }

    func testAStreamOfBytes() async throws {
        let data = someBytes(100_003)
        let bytes = AsyncStream { continuation in
            for byte in data { continuation.yield(byte) }
            continuation.finish()
        }
        let attachment = try await sandbox.client().upload(
            .stream(bytes, size: data.count), options: UploadOptions(filename: "a.txt"))
        assertStored(attachment, data, "a.txt", "text/plain")
    }

    @TaskLocal private static var local = 0

    func testAStreamRunsWithTheValuesOfItsTask() async throws {
        let seen = Locked<[Int]>([])
        let source = UploadSource.stream(size: 5) {
            seen { $0.append(Self.local) }
            return Chunks([Data("hello".utf8)])
        }
        try await Self.$local.withValue(7) {
            _ = try await sandbox.client().upload(source, options: UploadOptions(filename: "a.txt"))
        }
        XCTAssertEqual(seen.now, [7])
    }

    func testAStreamThatCanBeMadeAnewIsTriedAgain() async throws {
        sandbox.fault(#"{"side":"storage","method":"PUT","times":1,"fault":{"reset_after":200000}}"#)
        let data = someBytes(2_000_000)
        let made = Locked(0)
        let source = UploadSource.stream(size: data.count) {
            made { $0 += 1 }
            return Chunks([data[..<1_000_000], data[1_000_000...]])
        }
        let attachment = try await sandbox.client().upload(source, options: UploadOptions(filename: "a.txt"))
        assertStored(attachment, data, "a.txt", "text/plain")
        XCTAssertEqual(attachment.attempts, 2)
        XCTAssertEqual(sandbox.faultsInjected, 1)
        XCTAssertEqual(made.now, 2)
    }

    func testAStreamThatCannotIsNot() async throws {
        sandbox.fault(#"{"side":"storage","method":"PUT","times":1,"fault":{"reset_after":200000}}"#)
        let data = someBytes(8_000_000)
        let error = await assertLinqError(.network) {
            try await sandbox.client().upload(
                .stream(Chunks([data]), size: data.count), options: UploadOptions(filename: "a.txt"))
        }
        XCTAssertEqual(error?.attempts, 1)
        XCTAssertEqual(sandbox.faultsInjected, 1)
    }

    func testAStreamOfAnotherLength() async throws {
        let client = try sandbox.client()
        for (size, part) in [(4, "more"), (6, "5")] {
            let error = await assertLinqError(.file, has: part) {
                try await client.upload(
                    .stream(Chunks([Data("hello".utf8)]), size: size), options: UploadOptions(filename: "a.txt"))
            }
            XCTAssertNotNil(error)
        }
        XCTAssertTrue(sandbox.objects.allSatisfy { $0.filename != "a.txt" || $0.size != 4 || $0.puts == 0 })
        _ = await assertLinqError(.invalidArgument, has: "size is -1") {
            try await client.upload(.stream(Chunks([]), size: -1), options: UploadOptions(filename: "a.txt"))
        }
        _ = await assertLinqError(.unsupported, has: "empty") {
            try await client.upload(.stream(Chunks([]), size: 0), options: UploadOptions(filename: "a.txt"))
        }
    }

    private struct Broken: Error, Equatable { let why: Int }

    func testWhatAStreamThrowsComesOut() async throws {
        let client = try sandbox.client()
        let options = UploadOptions(filename: "a.txt")
        let first = Chunks([someBytes(300_000)], then: Broken(why: 1))
        await assertThrows(Broken(why: 1)) { try await client.upload(.stream(first, size: 600_000), options: options) }
        let making = UploadSource.stream(size: 5) { () async throws -> Chunks in throw Broken(why: 2) }
        await assertThrows(Broken(why: 2)) { try await client.upload(making, options: options) }
        let ours = LinqError(status: .timeout, message: "the stream's own", attempts: 7)
        let second = Chunks([someBytes(300_000)], then: ours)
        await assertThrows(ours) { try await client.upload(.stream(second, size: 600_000), options: options) }
    }

    func testWhatTheProgressClosureThrowsEndsTheUpload() async throws {
        sandbox.fault(#"{"side":"storage","method":"PUT","times":1,"fault":{"stall_after":200000}}"#)
        let client = try sandbox.client()
        let data = someBytes(16_000_000)
        await assertThrows(Broken(why: 3)) {
            try await client.upload(data, filename: "a.txt") { progress in
                if progress.sent > 0 { throw Broken(why: 3) }
            }
        }
    }

    private func assertThrows<Value, Failure: Error & Equatable>(
        _ expected: Failure, file: StaticString = #filePath, line: UInt = #line, _ body: () async throws -> Value
    ) async {
        do {
            _ = try await body()
            XCTFail("no error", file: file, line: line)
        } catch {
            XCTAssertEqual(error as? Failure, expected, "\(error)", file: file, line: line)
        }
    }

    func testProgressIsInOrderAndComplete() async throws {
        let data = someBytes(3_000_000)
        let seen = Locked<[UploadProgress]>([])
        sandbox.fault(#"{"side":"storage","method":"PUT","times":1,"fault":{"slow_read":{"bytes_per_s":8000000}}}"#)
        let client = try sandbox.client()
        _ = try await client.upload(data, filename: "a.txt") { state in seen { $0.append(state) } }
        let states = seen.now
        XCTAssertEqual(states.first?.sent, 0)
        XCTAssertEqual(states.last?.sent, data.count)
        XCTAssertEqual(states.last?.fraction, 1)
        XCTAssertTrue(states.allSatisfy { $0.total == data.count })
        XCTAssertEqual(states.map(\.sent), states.map(\.sent).sorted())
        XCTAssertGreaterThan(states.count, 2)
    }

    func testEventsEndWithTheAttachment() async throws {
        let data = someBytes(3_000_000)
        var last = UploadProgress?.none
        var attachment = Attachment?.none
        for try await event in try sandbox.client().uploadEvents(.data(data), options: UploadOptions(filename: "a.txt")) {
            XCTAssertNil(attachment)
            switch event {
            case .progress(let progress): last = progress
            case .finished(let finished): attachment = finished
            }
        }
        XCTAssertEqual(last?.sent, data.count)
        try assertStored(XCTUnwrap(attachment), data, "a.txt", "text/plain")
    }

    func testEventsThrowWhatTheUploadThrows() async throws {
        let events = try sandbox.client().uploadEvents(.file(URL(fileURLWithPath: "/nowhere/a.txt")))
        var iterator = events.makeAsyncIterator()
        _ = await assertLinqError(.file, has: "/nowhere/a.txt") { while try await iterator.next() != nil {} }
        let afterwards = try await iterator.next()
        XCTAssertNil(afterwards)
    }

    func testASecondLoopOverEventsGivesNothing() async throws {
        @Sendable func count(_ events: UploadEvents) async throws -> Int { try await events.reduce(0) { count, _ in count + 1 } }
        let client = try sandbox.client()
        let (data, options) = (someBytes(3_000_000), UploadOptions(filename: "a.txt"))
        sandbox.fault(#"{"side":"storage","times":0,"fault":{"slow_read":{"bytes_per_s":8000000}}}"#)
        let events = client.uploadEvents(.data(data), options: options)
        var counts = [try await count(events), try await count(events)]
        XCTAssertGreaterThan(counts[0], 0)
        XCTAssertEqual(counts[1], 0)

        let both = client.uploadEvents(.data(data), options: options)
        async let one = count(both)
        async let other = count(both)
        counts = try await [one, other].sorted()
        XCTAssertEqual(counts[0], 0)
        XCTAssertGreaterThan(counts[1], 0)

        let left = client.uploadEvents(.data(data), options: options)
        for try await _ in left { break }
        let rest = try await count(left)
        XCTAssertEqual(rest, 0)
    }

    func testWhoIsSlowMissesProgressButNotTheEnd() async throws {
        sandbox.fault(#"{"side":"storage","times":1,"fault":{"slow_read":{"bytes_per_s":2000000}}}"#)
        let events = try sandbox.client().uploadEvents(.data(someBytes(4_000_000)), options: UploadOptions(filename: "a.txt"))
        await eventually("all of it arrived") { sandbox.puts.first?.ended == "complete" }
        let last = try await events.reduce(UploadEvent?.none) { $1 }
        guard case .finished = last else { return XCTFail("the last event is \(String(describing: last))") }
    }

    func testManyAtOnce() async throws {
        let client = try sandbox.client()
        let sizes = try await withThrowingTaskGroup(of: (Int, String).self) { group in
            for size in 1...150 {
                group.addTask {
                    return (size, try await client.upload(someBytes(size * 100), filename: "\(size).txt").id)
                }
            }
            return try await group.reduce(into: [Int: String]()) { $0[$1.0] = $1.1 }
        }
        XCTAssertEqual(sizes.count, 150)
        for (size, id) in sizes { XCTAssertEqual(sandbox.bytes(of: id), someBytes(size * 100)) }
    }
}

/// Chunks, and perhaps an error behind them.
struct Chunks: AsyncSequence, Sendable {
    let chunks: [Data]
    let error: (any Error)?

    init(_ chunks: [Data], then error: (any Error)? = nil) { (self.chunks, self.error) = (chunks, error) }

    struct AsyncIterator: AsyncIteratorProtocol {
        var left: ArraySlice<Data>
        let error: (any Error)?

        mutating func next() async throws -> Data? {
            if let chunk = left.popFirst() { return chunk }
            if let error { throw error }
            return nil
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(left: chunks[...], error: error) }
}
