import Foundation
import Linq

do {
    let client = try Client()  // the key is in the environment: LINQ_API_V3_API_KEY
    let photo = try await client.upload(fileAt: URL(fileURLWithPath: "photo.jpg"))
    print(photo.id)
} catch {
    print(error.localizedDescription)
    exit(1)
}
