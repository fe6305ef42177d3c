#!/usr/bin/env bash
# layering.sh [ROOT]: holds the source to the layout. Includes go one way, the library is silent and the catalogue is complete.
# Every rule is a function that prints what offends in the tree $tree, and nothing when all is well. Each is also tried on small trees
# with a violation planted in them, where it must speak, and on a tree without, where it must not.
set -eu
root=$(cd "${1:-$(dirname "${BASH_SOURCE[0]}")/..}" && pwd)
passed=0 failed=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
tree=$root

# c_files FOLDER...: the C sources there, NUL-separated.
c_files() {
  (cd "$tree" && for folder in "$@"; do
    [ ! -d "$folder" ] || find "$folder" -name node_modules -prune -o -type f \( -name '*.[ch]' -o -name '*.inc' -o -name '*.def' \) -print0
  done) | sort -z
}

# includes FOLDER...: "FILE:LINE  <  HEADER" or "FILE:LINE  "  HEADER" for every include that names something of ours, tab-separated.
includes() {
  c_files "$@" | (cd "$tree" && xargs -0r awk '
    match($0, /^[ \t]*#[ \t]*include[ \t]*[<"][^>"]*/) {
      text = substr($0, RSTART, RLENGTH)
      sub(/^[ \t]*#[ \t]*include[ \t]*/, "", text)
      header = substr(text, 2)
      if (substr(text, 1, 1) == "\"" || header ~ /^(engine|ops|tests|demos)\// || header == "weft.h")
        print FILENAME "\t" FNR "\t" header
    }')
}

# weft.h is for all, with weft_functions.h, weft_gradients.h and weft_explain.h as parts of it; weft_op.h for ops and whoever looks into them, stream.h for kernels anywhere in the library.
# weft.h < record < derive < judge < rewrite < run < text < explain < io: a stage sees weft.h, record and itself; text sees run as well, and explain the
# printers' engine/text/print.h.
# Nothing in engine/ sees ops/, tests/ or demos/.
rule_engine_includes() {
  includes engine | awk -F'\t' '
    {
      split($1, part, "/"); stage = part[2]; good = 0
      if ($1 == "engine/weft_op.h" || $1 == "engine/weft_functions.h" || $1 == "engine/weft_gradients.h" || $1 == "engine/weft_explain.h")
        good = $3 == "weft.h"
      else if ($1 == "engine/weft.h")
        good = $3 == "weft_functions.h" || $3 == "weft_gradients.h" || $3 == "weft_explain.h"
      else if ($3 !~ /\.\./)
        good = $3 ~ /^engine\/(weft|weft_op|stream)\.h$/ || $3 ~ /^engine\/record\// || index($3, "engine/" stage "/") == 1 ||
               stage == "text" && $3 ~ /^engine\/run\// || stage == "explain" && $3 == "engine/text/print.h"
    }
    !good { print $1 ":" $2 ": includes " $3 }'
}

# An op sees weft.h, the headers of ops/ itself, its own folder, and what the staged functions share.
rule_ops_includes() {
  includes ops | awk -F'\t' '
    {
      n = split($1, part, "/"); own = n > 2 ? "ops/" part[2] "/" : "ops/"; good = 0
      if ($3 !~ /\.\./)
        good = $3 ~ /^engine\/(weft|weft_op|stream)\.h$/ || $3 ~ /^ops\/[^\/]+$/ || $3 == "ops/staged/staged.h" || n > 2 && index($3, own) == 1
    }
    !good { print $1 ":" $2 ": includes " $3 }'
}

# Demos are users: they see weft.h and weft_op.h, their own headers and the system.
rule_demos_includes() {
  includes demos | while IFS=$'\t' read -r file line header; do
    case $header in
      weft.h | weft_op.h | engine/weft.h) continue ;;
      *..*) ;;
      demos/*) continue ;;
      *) [ ! -e "$tree/$(dirname "$file")/$header" ] || continue ;;
    esac
    echo "$file:$line: includes $header"
  done
}

# A file or folder called utils or common says nothing about what is in it.
rule_names() {
  (cd "$tree" && for folder in engine ops tests demos; do
    [ ! -d "$folder" ] || find "$folder" -name node_modules -prune -o \( -iname utils -o -iname 'utils.*' -o -iname common -o -iname 'common.*' \) -print
  done) | sort | sed 's/$/: name it after what it is for/'
}

# The library never prints, aborts or exits. Comments and strings do not count.
rule_silence() {
  c_files engine ops | (cd "$tree" && xargs -0r awk '
    FNR == 1 { comment = 0 }
    {
      rest = $0; code = ""
      if (comment) {
        end = index(rest, "*/")
        if (!end) next
        rest = substr(rest, end + 2); comment = 0
      }
      while (match(rest, /"([^"\\]|\\.)*"|\047([^\047\\]|\\.)*\047|\/\/.*|\/\*/)) {
        token = substr(rest, RSTART, RLENGTH)
        code = code substr(rest, 1, RSTART - 1) " "
        rest = substr(rest, RSTART + RLENGTH)
        if (token == "/*") {
          end = index(rest, "*/")
          if (!end) { rest = ""; comment = 1; break }
          rest = substr(rest, end + 2)
        }
      }
      code = code rest
    }
    code ~ /(^|[^A-Za-z0-9_])(v?printf|puts|putchar|perror|abort|_?exit|_Exit|quick_exit)[ \t]*\(/ ||
    code ~ /(^|[^A-Za-z0-9_])(stdout|stderr)([^A-Za-z0-9_]|$)/ { print FILENAME ":" FNR ": " $0 }')
}

# A C file stays within 600 lines.
rule_length() {
  c_files engine ops tests demos | (cd "$tree" && xargs -0r awk '
    FNR == 601 && FILENAME ~ /\.(c|inc)$/ { print FILENAME ": more than 600 lines" }')
}

# ops.def has a line for each op of ops/primitive and ops/fused, and no other.
rule_catalogue() {
  (cd "$tree"
    [ -d ops ] || exit 0
    find ops/primitive ops/fused -name '*.c' -exec sed -nE 's/^const weft_op weft_op_([A-Za-z0-9_]+).*/\1/p' {} + 2>/dev/null |
      sort >"$scratch/defined"
    sed -nE 's/^OP\(([A-Za-z0-9_]+)\).*/\1/p' ops/ops.def 2>/dev/null | sort >"$scratch/listed"
    comm -23 "$scratch/defined" "$scratch/listed" | sed 's/.*/ops\/ops.def: the op & is missing/'
    comm -13 "$scratch/defined" "$scratch/listed" | sed 's/.*/ops\/ops.def: no file in ops\/primitive or ops\/fused defines &/')
}

# A fused op names its staged twin.
rule_twins() {
  (cd "$tree"
    [ -d ops/fused ] || exit 0
    find ops/fused -name '*.c' | sort | xargs -r awk '
      /^const weft_op weft_op_/ { op = $3; sub(/^weft_op_/, "", op); twin = 0 }
      op != "" && /\.expand *=/ { twin = 1 }
      op != "" && /^};/ { if (!twin) print FILENAME ": " op " has no .expand"; op = "" }')
}

# count NAME OUTCOME [OFFENCES]: OUTCOME is true or false.
count() {
  if $2; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "failed: $1"
    [ -z "${3-}" ] || sed 's/^/  /' <<<"$3"
  fi
}

# A small tree that breaks no rule, with whatever looks like a violation and is none.
small_tree() {
  tree=$scratch/tree
  rm -rf "$tree"
  mkdir -p "$tree"/engine/{record,derive,run,text,explain,io} "$tree"/ops/{primitive,staged,fused} "$tree"/{tests,demos}
  printf '#include <stddef.h>\n' >"$tree/engine/weft.h"
  printf '#include "weft.h"\n' >"$tree/engine/weft_op.h"
  printf '#include "engine/weft_op.h"\n' >"$tree/engine/record/tape.h"
  printf '#include "engine/record/tape.h"\n#include <stdio.h>\n' >"$tree/engine/derive/reverse.c"
  printf '#include "engine/record/tape.h"\n' >"$tree/engine/run/program.h"
  printf '#include "engine/run/program.h"\n#include "engine/record/tape.h"\n' >"$tree/engine/text/listing.c"
  printf '#include "engine/text/print.h"\n#include "engine/record/tape.h"\n' >"$tree/engine/explain/walk.c"
  printf '/* printf("") and\n exit(1) */ int snprintf(); // abort()\nconst char *s = "puts(\\"x\\")"; void weft_exit(void);\n' \
    >"$tree/engine/io/npy.c"
  printf '#include "engine/weft.h"\n#include "ops/ops.def"\n' >"$tree/ops/catalogue.c"
  printf 'OP(mul)\nOP(fused_batchnorm)\n' >"$tree/ops/ops.def"
  printf '#include "engine/weft.h"\n' >"$tree/ops/elementwise.h"
  printf '#include "engine/weft.h"\n' >"$tree/ops/staged/staged.h"
  printf '#include "ops/elementwise.h"\nconst weft_op weft_op_mul = {\n' >"$tree/ops/primitive/mul.c"
  printf '#include "ops/staged/staged.h"\n#include "ops/fused/loops.inc"\nconst weft_op weft_op_fused_batchnorm = {\n.expand = x,\n};\n' \
    >"$tree/ops/fused/batchnorm.c"
  printf '#include "demos/plot.h"\n#include "plot.h"\n#include "weft.h"\n#include <cjson/cJSON.h>\n' >"$tree/demos/weft.c"
  printf '#include "engine/weft.h"\n' >"$tree/demos/plot.h"
  mkdir -p "$tree/demos/node_modules" # what npm fetched is not ours
  printf '#include "engine/record/tape.h"\n' >"$tree/demos/node_modules/utils.c"
  yes '' | head -n 600 >"$tree/tests/test_long.c"
}

# fires RULE FILE TEXT: with TEXT as the last line of FILE, the rule must speak of that file, once.
fires() {
  local offences
  small_tree
  mkdir -p "$(dirname "$tree/$2")"
  printf '%b\n' "$3" >>"$tree/$2"
  offences=$(rule_"$1")
  if [ "$(wc -l <<<"$offences")" -eq 1 ] && [[ $offences == "${4:-$2}":* ]]; then
    count "" true
  else
    count "$1 must notice $3 in $2, and nothing else" false "$offences"
  fi
}

rules=(engine_includes ops_includes demos_includes names silence length catalogue twins)
for rule in "${rules[@]}"; do
  tree=$root
  offences=$(rule_"$rule")
  count "$rule" "$([ -z "$offences" ] && echo true || echo false)" "$offences"
  small_tree
  offences=$(rule_"$rule")
  count "$rule must not speak of a good tree" "$([ -z "$offences" ] && echo true || echo false)" "$offences"
done

fires engine_includes engine/weft.h '#include "engine/record/tape.h"'
fires engine_includes engine/weft_op.h '#include "engine/record/tape.h"'
fires engine_includes engine/record/tape.c '#include "engine/derive/reverse.h"'
fires engine_includes engine/record/tape.c '#include "engine/run/program.h"'
fires engine_includes engine/derive/reverse.c '#include "engine/run/program.h"'
fires engine_includes engine/derive/reverse.c '# include <engine/run/program.h>'
fires engine_includes engine/derive/reverse.c '#include "../run/program.h"'
fires engine_includes engine/derive/reverse.c '#include "engine/record/../run/program.h"'
fires engine_includes engine/rewrite/cse.c '#include "engine/derive/reverse.h"'
fires engine_includes engine/run/lower.c '#include "engine/text/listing.h"'
fires engine_includes engine/explain/index.c '#include "engine/run/program.h"'
fires engine_includes engine/run/lower.c '#include "engine/explain/index.h"'
fires engine_includes engine/text/listing.c '#include "engine/io/npy.h"'
fires engine_includes engine/io/npy.c '#include "engine/run/program.h"'
fires engine_includes engine/explain/walk.c '#include "engine/derive/reverse.h"'
fires engine_includes engine/explain/walk.c '#include "engine/text/parse.h"'
fires engine_includes engine/text/listing.c '#include "engine/explain/walk.h"'
fires engine_includes engine/run/lower.c '#include "ops/elementwise.h"'
fires engine_includes engine/run/lower.c '#include "tests/check.h"'
fires engine_includes engine/run/lower.c '#include "demos/plot.h"'
fires ops_includes ops/primitive/mul.c '#include "engine/record/tape.h"'
fires ops_includes ops/primitive/mul.c '#include "ops/fused/loops.inc"'
fires ops_includes ops/staged/staged.h '#include "demos/plot.h"'
fires ops_includes ops/catalogue.c '#include "ops/primitive/gemm.h"'
fires demos_includes demos/weft.c '#include "engine/record/tape.h"'
fires demos_includes demos/weft.c '#include "ops/elementwise.h"'
fires demos_includes demos/weft.c '#include "../engine/record/tape.h"'
fires names engine/record/utils.c ''
fires names ops/common.h ''
fires names demos/Utils/x.c '' demos/Utils
for call in 'printf("x");' 'if (bad) abort();' 'exit (1);' 'perror("x");' 'fprintf(stderr, "x");' '/* */ puts("x"); // why'; do
  fires silence engine/run/lower.c "$call"
  fires silence ops/primitive/mul.c "$call"
done
fires length tests/test_long.c 'int one_too_many;'
fires catalogue ops/primitive/add.c 'const weft_op weft_op_add = {' ops/ops.def
fires catalogue ops/fused/softmax.c 'const weft_op weft_op_fused_softmax = {' ops/ops.def
fires catalogue ops/ops.def 'OP(tanh)'
fires twins ops/fused/softmax.c 'const weft_op weft_op_fused_softmax = {\n.vjp = x,\n};'

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
