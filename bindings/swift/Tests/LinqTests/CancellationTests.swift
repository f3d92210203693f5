import Foundation
import Linq
import XCTest

/// Cancelling a task ends its call within 10 ms, whatever the call is at, with a `CancellationError`.
final class CancellationTests: SandboxTestCase {
    private static let options = UploadOptions(filename: "a.txt")
    /// An array, as LeakSanitizer does not see what a global `Data` points to.
    private static let bytes = [UInt8](someBytes(8 << 20))
    private static var data: Data { Data(bytes) }

    private func cancelled(
        _ call: @escaping @Sendable () async throws -> Void, once isThere: () async -> Void
    ) async -> Duration {
        defer { sandbox.calm() }
        return await LinqTests.cancelled(call, once: isThere)
    }

    private func faultInjected() async { await eventually("the fault is injected") { sandbox.faultsInjected > 0 } }

    func testWhileWaitingForLinq() async throws {
        let client = try sandbox.client()
        try await assertPrompt("while waiting for Linq") {
            sandbox.fault(#"{"side":"api","times":1,"fault":{"no_answer":true}}"#)
            return await cancelled({ _ = try await client.upload(Self.data, filename: "a.txt") }, once: faultInjected)
        }
    }

    func testEveryOtherCall() async throws {
        let client = try sandbox.client()
        let id = "550e8400-e29b-41d4-a716-446655440000"
        let calls: [@Sendable () async throws -> Void] = [
            { _ = try await client.presign(filename: "a.txt", size: 5) }, { _ = try await client.attachment(id: id) },
            { try await client.deleteAttachment(id: id) },
            { _ = try await client.send(Message(from: "+15550001111", to: ["+15550002222"], text: "hi")) },
        ]
        for call in calls {
            try await assertPrompt("another call") {
                sandbox.fault(#"{"side":"api","times":1,"fault":{"no_answer":true}}"#)
                return await cancelled(call, once: faultInjected)
            }
        }
    }

    func testWhileTheServerSaysNothingOnConnecting() async throws {
        try await assertPrompt("in the TLS handshake") {
            let client = try sandbox.clientTLS()
            sandbox.fault(#"{"side":"api","on":"connect","times":1,"fault":{"connect":"silent"}}"#)
            return await cancelled({ _ = try await client.presign(filename: "a.txt", size: 5) }, once: faultInjected)
        }
    }

    func testWhileConnectingIntoABlackHole() async throws {
        let client = try Client(sandbox.configuration(sandbox.blackHole, key: sandbox.key))
        try await assertPrompt("while connecting") {
            await cancelled({ _ = try await client.presign(filename: "a.txt", size: 5) }) {
                // The server does not see a connection that is never made.
                try? await Task.sleep(for: .milliseconds(30))
            }
        }
    }

    func testWhileSending() async throws {
        for client in [try sandbox.client(), try sandbox.clientTLS()] {
            try await assertPrompt("while sending") {
                sandbox.fault(#"{"side":"storage","times":1,"fault":{"slow_read":{"bytes_per_s":500000}}}"#)
                let sent = Locked(0)
                return await cancelled({
                    _ = try await client.upload(Self.data, filename: "a.txt") { state in sent { $0 = state.sent } }
                }) { await eventually("bytes are sent") { sent.now > 0 } }
            }
        }
    }

    func testWhileTheStorageReadsNoMore() async throws {
        let client = try sandbox.client()
        try await assertPrompt("while the storage reads no more") {
            sandbox.fault(#"{"side":"storage","times":1,"fault":{"stall_after":100000}}"#)
            return await cancelled({ _ = try await client.upload(Self.data, filename: "a.txt") }, once: faultInjected)
        }
    }

    func testWhileWaitingForTheStoragesAnswer() async throws {
        let client = try sandbox.client()
        try await assertPrompt("while waiting for the storage's answer") {
            sandbox.fault(#"{"side":"storage","times":1,"fault":{"no_answer":true}}"#)
            return await cancelled({ _ = try await client.upload(Data("hello".utf8), filename: "a.txt") }) {
                await eventually("all has arrived") { sandbox.puts.first?.body_sha256 != nil }
            }
        }
    }

    func testWhileWaitingToTryAgain() async throws {
        let client = try sandbox.client()
        try await assertPrompt("while waiting to try again") {
            sandbox.fault(#"{"side":"api","times":0,"fault":{"respond":{"status":503,"headers":[["Retry-After","30"]]}}}"#)
            return await cancelled({ _ = try await client.upload(Self.data, filename: "a.txt") }) {
                await eventually("it was refused") { sandbox.requests.first?.status == 503 }
            }
        }
    }

    func testWhileWaitingForAStream() async throws {
        let client = try sandbox.client()
        // One that heeds its task's cancellation, one that does not, and one that is not even made.
        try await assertPrompt("while waiting for a stream") {
            let (stream, continuation) = AsyncStream.makeStream(of: Data.self)
            let ended = expectation(description: "the stream's reader ended")
            continuation.onTermination = { _ in ended.fulfill() }
            continuation.yield(Data("hel".utf8))
            let asked = Locked(0)
            let source = UploadSource.stream(Watched(stream: stream, asked: asked), size: 5)
            let time = await cancelled({ _ = try await client.upload(source, options: Self.options) }) {
                await eventually("it waits for a second chunk") { asked.now == 2 }
            }
            await fulfillment(of: [ended], timeout: 30 * slow)
            return time
        }
        try await assertPrompt("while waiting for a deaf stream") {
            let deaf = Deaf()
            let time = await cancelled({ _ = try await client.upload(.stream(deaf, size: 5), options: Self.options) }) {
                await eventually("it is read") { deaf.isWaiting }
            }
            deaf.release()
            return time
        }
        try await assertPrompt("while a stream is made") {
            let deaf = Deaf()
            let source = UploadSource.stream(size: 5) {
                await deaf.wait()
                return Chunks([Data("hello".utf8)])
            }
            let time = await cancelled({ _ = try await client.upload(source, options: Self.options) }) {
                await eventually("it is made") { deaf.isWaiting }
            }
            deaf.release()
            return time
        }
    }

    func testEventsWhoseTaskIsCancelled() async throws {
        let client = try sandbox.client()
        try await assertPrompt("while events are waited for") {
            sandbox.fault(#"{"side":"storage","times":1,"fault":{"stall_after":100000}}"#)
            return await cancelled({
                for try await _ in client.uploadEvents(.data(Self.data), options: Self.options) {}
            }, once: faultInjected)
        }
    }

    /// Events that came while its body ran are none that it asked for.
    func testALoopThatIsCancelledHearsOfNoMoreProgress() async throws {
        sandbox.fault(#"{"side":"storage","times":1,"fault":{"slow_read":{"bytes_per_s":1000000},"stall_after":3000000}}"#)
        let client = try sandbox.client()
        let events = client.uploadEvents(.data(Self.data), options: Self.options)
        let deaf = Deaf()
        let received = Locked(0)
        let task = Task {
            for try await _ in events {
                received { $0 += 1 }
                await deaf.wait()
            }
        }
        await eventually("more happens than is kept") { deaf.isWaiting && sandbox.puts.first?.body_bytes ?? 0 > 2_000_000 }
        task.cancel()
        deaf.release()
        do {
            try await task.value
            XCTFail("it was not cancelled")
        } catch { XCTAssertTrue(error is CancellationError, "\(error)") }
        XCTAssertEqual(received.now, 1)
        await eventually("the upload is given up") { sandbox.puts.first?.ended?.hasPrefix("peer_") == true }
    }

    func testALoopThatIsCancelledAfterTheEndHasEnded() async throws {
        let client = try sandbox.client()
        let events = client.uploadEvents(.data(Data("hello".utf8)), options: Self.options)
        let finished = Locked(0)
        try await Task {
            for try await event in events {
                guard case .finished = event else { continue }
                finished { $0 += 1 }
                withUnsafeCurrentTask { $0?.cancel() }
            }
        }.value
        XCTAssertEqual(finished.now, 1)
    }

    func testEventsThatNobodyHearsAnyMore() async throws {
        sandbox.fault(#"{"side":"storage","times":1,"fault":{"slow_read":{"bytes_per_s":1000000}}}"#)
        let client = try sandbox.client()
        let events = client.uploadEvents(.data(Self.data), options: Self.options)
        for try await event in events {
            if case .progress(let progress) = event, progress.sent > 0 { break }
        }
        await eventually("the upload is given up") { sandbox.puts.first?.ended?.hasPrefix("peer_") == true }
        withExtendedLifetime(events) {}
        weak var released: Client?
        do {
            let own = try sandbox.client()
            released = own
            _ = own.uploadEvents(.data(Self.data), options: Self.options)
        }
        await eventually("the client is released") { released == nil }
    }

    func testBeforeTheCallNothingIsSent() async throws {
        let client = try sandbox.client()
        let id = "550e8400-e29b-41d4-a716-446655440000"
        let place = try await client.presign(filename: "a.txt", size: 5)
        sandbox.calm()
        let calls: [@Sendable () async throws -> Void] = [
            { _ = try await client.upload(Data("hello".utf8), filename: "a.txt") },
            { _ = try await client.upload(.stream(Chunks([Data("hello".utf8)]), size: 5), options: Self.options) },
            { _ = try await client.upload(presigned: place, from: .data(Data("hello".utf8))) },
            { for try await _ in client.uploadEvents(.data(Data("hello".utf8)), options: Self.options) {} },
            { _ = try await client.presign(filename: "a.txt", size: 5) }, { _ = try await client.attachment(id: id) },
            { try await client.deleteAttachment(id: id) },
            { _ = try await client.send(Message(from: "+15550001111", to: ["+15550002222"], text: "hi")) },
        ]
        for (number, call) in calls.enumerated() {
            let task = Task {
                while !Task.isCancelled { await Task.yield() }
                try await call()
            }
            task.cancel()
            do {
                try await task.value
                XCTFail("call \(number) was not cancelled")
            } catch { XCTAssertTrue(error is CancellationError, "\(error)") }
        }
        XCTAssertEqual(sandbox.requests.count, 0)
    }

    func testTwoHundredAroundCompletion() async throws {
        let client = try sandbox.client()
        let data = someBytes(20_000)
        var durations: [Duration] = []
        for _ in 0..<9 {
            let start = ContinuousClock.now
            _ = try await client.upload(data, filename: "a.txt")
            durations.append(ContinuousClock.now - start)
        }
        let usual = durations.sorted()[4]
        var (completed, cancelled) = (0, 0)
        for round in 0..<200 {
            let task = Task { try await client.upload(data, filename: "a.txt") }
            // From none to twice the usual time: many of them meet the end.
            try await Task.sleep(for: usual * (Double(round % 40) / 20))
            task.cancel()
            do {
                let attachment = try await task.value
                completed += 1
                XCTAssertEqual(sandbox.bytes(of: attachment.id), data)
            } catch is CancellationError {
                cancelled += 1
            }
        }
        print("around completion: \(completed) completed, \(cancelled) cancelled; an upload takes \(usual)")
        XCTAssertGreaterThan(completed, 0)
        XCTAssertGreaterThan(cancelled, 0)
        // The client is as good as before.
        _ = try await client.upload(data, filename: "a.txt")
    }
}

/// A stream that does not heed cancellation, and gives nothing until it is let go.
final class Deaf: AsyncSequence, AsyncIteratorProtocol, Sendable {
    private let waiting = Locked<(waiters: [CheckedContinuation<Void, Never>], isReleased: Bool)>(([], false))

    var waiters: Int { waiting.now.waiters.count }
    var isWaiting: Bool { waiters > 0 }

    func wait() async {
        await withCheckedContinuation { continuation in
            if waiting({ state in
                if !state.isReleased { state.waiters.append(continuation) }
                return state.isReleased
            }) { continuation.resume() }
        }
    }

    func release() {
        waiting { state in
            state.isReleased = true
            defer { state.waiters = [] }
            return state.waiters
        }.forEach { $0.resume() }
    }

    func next() async -> Data? {
        await wait()
        return nil
    }

    func makeAsyncIterator() -> Deaf { self }
}

/// Counts how often its stream was asked for a chunk.
struct Watched: AsyncSequence, Sendable {
    let stream: AsyncStream<Data>
    let asked: Locked<Int>

    struct AsyncIterator: AsyncIteratorProtocol {
        var chunks: AsyncStream<Data>.AsyncIterator
        let asked: Locked<Int>

        mutating func next() async -> Data? {
            asked { $0 += 1 }
            return await chunks.next()
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(chunks: stream.makeAsyncIterator(), asked: asked) }
}
