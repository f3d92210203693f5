# Man pages out of linq.h: linq(3) for what is said before and after the declarations, linq_status(3) for the numbers, one page for each
# function, struct and callback. awk -v out=DIRECTORY -f man.awk linq.h

function escape(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    return (text ~ /^[.']/ ? "\\\&" : "") text
}

function put(text) { print text >page }
function section(title) { put(".SH " title) }

function begin(name, what) {
    page = out "/" name ".3"
    put(".TH " toupper(name) " 3 \"\" \"liblinq " version "\" \"liblinq\"")
    # Neither hyphens nor stretched blanks: there is code in the prose.
    put(".nh\n.ad l")
    section("NAME")
    put(name " \\- " escape(what))
}

function end() {
    section("SEE ALSO")
    put(".BR linq (3),\n.BR linq_status (3),\n.BR linq_error (3),\n.BR linq_free (3)")
    close(page)
}

# The first sentence of a comment, as it stands beside a name.
function brief(text) {
    gsub(/\n/, " ", text)
    sub(/[.:;] .*/, "", text)
    sub(/[.:]$/, "", text)
    return tolower(substr(text, 1, 1)) substr(text, 2)
}

function code(text) { put(".nf\n" escape(text) "\n.fi") }

# Sentences; lists, whose items have two blanks behind the word that they explain; code, which stands four blanks in.
function prose(text,    rows, count, i, row, word, item, verbatim) {
    count = split(text, rows, "\n")
    for (i = 1; i <= count; i++) {
        row = rows[i]
        if (verbatim && (row ~ /^    / || (row == "" && rows[i + 1] ~ /^    /))) {
            put(escape(substr(row, 5)))
            continue
        }
        if (verbatim) put(".fi\n.RE")
        verbatim = row ~ /^    / && !item
        if (verbatim) {
            put(".PP\n.RS 4\n.nf\n" escape(substr(row, 5)))
            continue
        }
        word = row ~ /^ ?[^ ]/ && match(row, /[^ ]  +[^ ]/)
        # A long word has one blank behind it; the next row stands under what explains it.
        if (!word && row ~ /^ [A-Z]/ && rows[i + 1] ~ /^         /) word = match(row, /[^ ] +[^ ]/)
        if (row == "") {
            put(".PP")
        } else if (word) {
            sub(/^ /, "", row) && RSTART--
            put(".TP\n.B " escape(substr(row, 1, RSTART)))
            put(escape(substr(row, RSTART + RLENGTH - 1)))
        } else {
            sub(/^ +/, "", row)
            put(escape(row))
        }
        item = row != "" && (item || word)
    }
    if (verbatim) put(".fi\n.RE")
}

# A comment whose last list tells errors has it under a heading of its own.
function described(text, returns,    at) {
    section("DESCRIPTION")
    at = match(text, /\n\nLINQ_[A-Z_]+  /)
    prose(at ? substr(text, 1, at - 1) : text)
    if (returns) {
        section("RETURN VALUE")
        put(returns)
    }
    if (at) {
        section("ERRORS")
        prose(substr(text, at + 2))
    }
}

function constants(name) {
    if (!(name in of)) return
    section("CONSTANTS")
    put(of[name])
}

function overview(text,    rows, count, i, part, title) {
    begin("linq", "upload attachments to Linq, and use them in messages")
    section("DESCRIPTION")
    count = split(text, rows, "\n")
    for (i = 2; i <= count; i++) {
        if (rows[i] ~ /^Generated from/) continue
        if (rows[i] ~ /^[A-Z][A-Z]+[ ,]/) {
            prose(part)
            part = ""
            title = rows[i]
            section(title ~ /^[A-Z ]+$/ ? title : substr(title, 1, match(title, /[A-Z],? [a-z]/)))
            if (match(title, /[a-z].*/)) put(toupper(substr(title, RSTART, 1)) escape(substr(title, RSTART + 1)) ".")
        } else {
            # A table whose columns are one blank apart somewhere.
            part = part (part == "" ? "" : "\n") (title ~ /^CONTENT/ && rows[i] ~ /^ / ? "   " : "") rows[i]
        }
    }
    prose(part)
    section("SEE ALSO")
    put(".BR linq_upload_file (3),\n.BR linq_upload (3),\n.BR linq_presign (3),\n.BR linq_upload_presigned (3),")
    put(".BR linq_client_new (3),\n.BR linq_status (3),\n.BR linq_error (3)")
    close(page)
}

/^#define LINQ_VERSION_STRING/ { version = $3; gsub(/"/, "", version); comment = "" }

# Comments.
/^ *\/\*/ { comment = ""; inside = 1; sub(/^ *\/\*+ ?/, "") }
inside {
    over = sub(/ *\*\/.*$/, "")
    sub(/^ *\* ?/, "")
    comment = comment (comment == "" ? "" : "\n") $0
    if (over) {
        inside = 0
        sub(/\n+$/, "", comment)
        if (comment ~ /^linq\.h - /) prologue = comment
        if (comment ~ /^ENVIRONMENT/) tables = comment
    }
    next
}

/^#define LINQ_[A-Z_]+ [0-9]+$/ && comment != "" {
    if (match(comment, /^linq_[a-z_]+(\.[a-z]+)?: /)) {
        name = substr(comment, 1, RLENGTH - 2)
        sub(/\..*/, "", name)
        comment = substr(comment, RLENGTH + 1)
    } else {
        name = $2 ~ /ABI_VERSION/ ? "linq_abi_version" : "linq_status"
    }
    gsub(/\n/, " ", comment)
    of[name] = of[name] (of[name] == "" ? "" : "\n") ".TP\n.B " $2 " (" $3 ")\n" escape(comment)
    comment = ""
    next
}

/^typedef int32_t linq_status;/ { status = comment; next }

/^typedef struct [a-z_]+ \{/ {
    name = $3
    text = comment
    fields = ""
    listing = $0
    while ((getline row) > 0 && row !~ /^}/) {
        if (row ~ /^ *\/\*\*/ || row ~ /^ *\*/) {
            over = row ~ /\*\/$/
            if (row ~ /^ *\/\*\*/) comment = ""
            sub(/^ *\/?\*+ ?/, "", row)
            sub(/ *\*?\/$/, "", row)
            if (row != "") comment = comment (comment == "" ? "" : "\n") row
        } else {
            listing = listing "\n" row
            gsub(/^ +|;$/, "", row)
            fields = fields ".TP\n.B " escape(row) "\n" escape(comment) "\n"
        }
    }
    structs[name] = text
    listings[name] = listing "\n" row
    fieldsof[name] = fields
    order[++count] = name
    next
}

/^typedef .*\(\*linq_/ {
    match($0, /linq_[a-z_]+_fn/)
    begin(substr($0, RSTART, RLENGTH), brief(comment))
    section("SYNOPSIS")
    code("#include <linq.h>\n\n" $0)
    described(comment)
    end()
    next
}

/^static inline linq_[a-z_]+ linq_[a-z_]+_default/ {
    name = $3
    defaults[name] = $0
    sub(/ \{$/, ";", defaults[name])
    sub(/^static inline /, "", defaults[name])
    page = out "/" name "_default.3"
    put(".so man3/" name ".3")
    close(page)
    while ((getline row) > 0 && row !~ /^}/) {}
    next
}

/^[a-z].*linq_[a-z_]+\(/ {
    listing = $0
    while (listing !~ /;$/ && (getline row) > 0) listing = listing "\n" row
    match(listing, /linq_[a-z_]+\(/)
    name = substr(listing, RSTART, RLENGTH - 1)
    begin(name, brief(comment))
    section("SYNOPSIS")
    code("#include <linq.h>\n\n" listing)
    returns = ""
    if (listing ~ /^linq_status /) returns = "LINQ_OK, or what failed: a number of\n.BR linq_status (3)."
    if (listing ~ /linq_error \*\*error/) returns = returns "\nThen *error says more; see\n.BR linq_error (3)."
    described(comment, returns)
    constants(name)
    end()
}

END {
    for (i = 1; i <= count; i++) {
        name = order[i]
        begin(name, brief(structs[name]))
        section("SYNOPSIS")
        code("#include <linq.h>\n\n" listings[name] (name in defaults ? "\n\n" defaults[name] : ""))
        described(structs[name])
        section("FIELDS")
        put(fieldsof[name])
        constants(name)
        end()
    }
    begin("linq_status", "what a call came to")
    section("SYNOPSIS")
    code("#include <linq.h>\n\ntypedef int32_t linq_status;")
    described(status)
    constants("linq_status")
    end()
    overview(prologue "\n" tables)
}
