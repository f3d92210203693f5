package main

import "testing"

func TestFit(t *testing.T) {
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{
		{"", 0, ""}, {"", 2, "  "}, {"abc", 3, "abc"}, {"abc", 5, "abc  "},
		{"abcdef", 5, "abc.."}, {"abcdef", 2, ".."}, {"abcdef", 1, "."}, {"abcdef", 0, ""},
		{"żółw", 5, "żółw "}, {"漢字", 4, "漢字"}, {"漢字", 5, "漢字 "},
		{"漢字漢字", 7, "漢字.. "}, {"漢字漢字", 6, "漢字.."}, {"漢字", 1, "."},
		{"e\u0301e\u0301", 3, "e\u0301e\u0301 "}, {"🐢🐢", 4, "🐢🐢"}, {"🐢🐢", 3, ".. "},
	} {
		if got := fit(c.text, c.width); got != c.want {
			t.Errorf("%q in %d columns is %q, not %q", c.text, c.width, got, c.want)
		}
	}
}
