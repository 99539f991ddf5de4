# Writes the C++ struct of the settings of one program, from service/settings.table:
#   awk -v reader=worker -v struct=WorkerSettings -v namespace=hashpost -f settings_struct.awk settings.table

function trim(text) {
    gsub(/^ +| +$/, "", text)
    return text
}

# A C++ string literal; Markdown becomes plain text.
function literal(text) {
    gsub(/\]\([^)]*\)/, "", text)
    gsub(/[`[]/, "", text)
    gsub(/\\/, "\\\\", text)
    gsub(/"/, "\\\"", text)
    return "\"" text "\""
}

# 64G as a number.
function number(text,    factor) {
    factor = index("KMGT", substr(text, length(text)))
    return sprintf("%.0fU", text * 1024 ^ factor)
}

function fail(what) {
    print FILENAME ":" FNR ": " what > "/dev/stderr"
    failed = 1
    exit 1
}

BEGIN {
    FS = "|"
    # Each kind, its type in C++, and what SettingsReader makes of it.
    count = split("number std::uint64_t kNumber, bytes std::uint64_t kBytes, seconds std::chrono::seconds kNumber, " \
        "yes-no bool kYesNo, choice std::string kChoice, level log::Level kLevel, mode mode_t kMode, " \
        "user std::string kText, group std::string kText, addresses std::string kText, networks std::string kText, " \
        "path std::string kText, plain-path std::string kText, text std::string kText", entries, /, /)
    for (i = 1; i <= count; i++) {
        split(entries[i], words, " ")
        type[words[1]] = words[2]
        read_as[words[1]] = words[3]
    }
}

/^[A-Z]/ {
    name = trim($1); kind = trim($3); bounds = trim($4)
    if (NF != 6) fail(name " has " NF " columns and not 6")
    if (!(kind in type)) fail(name " is of the kind " kind ", which is unknown")
    if (index("," trim($5) ",", "," reader ",") == 0) next
    member = tolower(name)
    sub(/^hashpost_/, "", member)
    low = high = 0
    choices = ""
    if (bounds ~ /\.\./) {
        low = number(substr(bounds, 1, index(bounds, "..") - 1))
        high = number(substr(bounds, index(bounds, "..") + 2))
    } else choices = bounds
    members = members sprintf("  %s %s{};  // %s\n", type[kind], member, name)
    visits = visits sprintf("    visit(Setting{\"%s\", Setting::Kind::%s, %s, %s, %s, %s,\n                  %s},\n          settings.%s);\n",
        name, read_as[kind], literal(trim($2)), literal(choices), low, high, literal(trim($6)), member)
}

END {
    if (failed) exit 1
    printf "// %s: every setting that the %s reads. Made from service/settings.table; changes belong there.\n\n", struct, reader
    print "#pragma once\n\n#include <sys/types.h>\n\n#include <chrono>\n#include <cstdint>\n#include <string>\n"
    print "#include \"lib/config/settings_reader.h\"\n#include \"lib/log/log.h\"\n"
    printf "namespace %s {\n\nstruct %s {\n%s\n", namespace, struct, members
    print "  // Calls visit(const Setting&, member) for each, in the order of the table."
    printf "  static void ForEach(auto& settings, auto&& visit) {\n%s  }\n};\n\n}  // namespace %s\n", visits, namespace
}
