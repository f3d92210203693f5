// split: one upload in two programs, of which only the first has the API key.
//
//     split presign FILE > place.json              your server, with the key
//     split upload [--loopback] place.json FILE    the phone, without

import Foundation
import Linq
#if canImport(Network)
import Network
#endif

let usage = """
    usage: split presign FILE > place.json
           split upload [--loopback] place.json FILE

    presign reserves a place for FILE with the key in LINQ_API_V3_API_KEY. upload puts
    FILE there with no key and nothing from the environment, and prints the
    attachment's id. --loopback: the place may be plain http on this machine (tests).

    """

/// The server never sees the bytes: the name and the size are what the phone tells it.
func presign(_ path: String) async throws {
    let file = URL(fileURLWithPath: path)
    let size = try file.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0
    let place = try await Client().presign(filename: file.lastPathComponent, size: size)
    print(place.json)
}

/// What a phone does with the JSON that its server answered.
func upload(_ json: Data, _ path: String, loopback: Bool) async throws {
    let place = try JSONDecoder().decode(Presigned.self, from: json)
    let client = try Client(.init(usesEnvironment: false, allowsHTTPLoopback: loopback))
    #if canImport(Network)
    let monitor = NWPathMonitor()
    monitor.pathUpdateHandler = { path in
        if path.status == .satisfied { client.networkChanged() }
    }
    monitor.start(queue: .global())
    defer { monitor.cancel() }
    #endif
    for try await event in client.uploadEvents(presigned: place, from: .file(URL(fileURLWithPath: path))) {
        switch event {
        case .progress(let progress): note("\(Int(progress.fraction * 100)) %")
        case .finished(let attachment): print(attachment.id)
        }
    }
}

func note(_ line: String) { FileHandle.standardError.write(Data("\(line)\n".utf8)) }

do {
    var words = Array(CommandLine.arguments.dropFirst())
    let loopback = words.dropFirst().first == "--loopback"
    if loopback { words.remove(at: 1) }
    switch (words.first, words.count) {
    case ("presign", 2): try await presign(words[1])
    case ("upload", 3): try await upload(Data(contentsOf: URL(fileURLWithPath: words[1])), words[2], loopback: loopback)
    default:
        note(usage)
        exit(1)
    }
} catch {
    note("split: \(error.localizedDescription)")
    exit(2)
}
