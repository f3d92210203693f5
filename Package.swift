// swift-tools-version: 6.0
import Foundation
import PackageDescription

// liblinq itself: what pkg-config knows as "linq", as `make install` puts it; with LINQ_LINK=static its archive. On
// Apple's platforms an XCFramework with the module CLinq goes before that, as apps need it: the one that lies here, else that
// of the release. `make dist` makes it, and prints what stands here in a release.
let xcframework = "bindings/swift/CLinq.xcframework"
let release: (url: String, checksum: String)? = nil
var library: Target = .systemLibrary(
    name: "CLinq",
    path: "bindings/swift/Sources/CLinq",
    pkgConfig: Context.environment["LINQ_LINK"] == "static" ? "linq-static" : "linq"
)
#if canImport(Darwin)
if FileManager.default.fileExists(atPath: "\(Context.packageDirectory)/\(xcframework)") {
    library = .binaryTarget(name: "CLinq", path: xcframework)
} else if let release {
    library = .binaryTarget(name: "CLinq", url: release.url, checksum: release.checksum)
}
#endif

let package = Package(
    name: "Linq",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [.library(name: "Linq", targets: ["Linq"])],
    targets: [
        library,
        .target(
            name: "Linq", dependencies: ["CLinq"], path: "bindings/swift/Sources/Linq",
            // What Apple asks of every package: this collects nothing, and looks at the times of the files that it uploads.
            resources: [.copy("PrivacyInfo.xcprivacy")],
            // What liblinq itself needs of the system where it is linked as an archive.
            linkerSettings: ["Security", "CoreFoundation"].map { .linkedFramework($0, .when(platforms: [.iOS, .macOS])) }
        ),
        .testTarget(name: "LinqTests", dependencies: ["Linq", "CLinq"], path: "bindings/swift/Tests/LinqTests"),
    ],
    swiftLanguageModes: [.v6]
)
