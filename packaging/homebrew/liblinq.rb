class Liblinq < Formula
  desc "Uploads attachments to the Linq messaging API"
  homepage "https://linqapp.com"
  url "@url@"
  sha256 "@sha256@"
  license any_of: ["MIT", "Apache-2.0"]

  depends_on "rust" => :build

  def install
    ENV["PREFIX"] = prefix.to_s
    system "scripts/install"
    # Homebrew removes what it has installed.
    rm_r share/"linq"
    doc.install "THIRD-PARTY.txt"
  end

  test do
    (testpath/"test.c").write <<~C
      #include <linq.h>
      #include <stdio.h>
      int main(void) { return puts(linq_version()) < 0; }
    C
    system ENV.cc, "test.c", "-I#{include}", "-L#{lib}", "-llinq", "-o", "test"
    assert_equal version.to_s, shell_output("./test").strip
    assert_match version.to_s, shell_output("#{bin}/linq-upload --version")
  end
end
