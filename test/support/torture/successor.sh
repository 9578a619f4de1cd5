# Kills process $1 and becomes the next one, as a supervisor does whom nothing else holds up: a harness
# under load would notice the death late. The stores in $2 are copied to $3 as they lie there between
# the two: tables by links, for LevelDB never changes them. The rest is the command.
killed=$1 stores=$2 before=$3
shift 3
kill -9 "$killed"
# Of each thread, for any of them may have the stores open still. Nobody has waited for it: it is a zombie.
while cat "/proc/$killed/task/"*/status 2>/dev/null | grep -q 'State:.[^ZX]'; do sleep 0.01; done

# put COMMAND FILE...: where there is no such file there is nothing to put.
put() {
  how=$1
  shift
  [ ! -e "$1" ] || "$how" "$@" "$before/$name" || exit 1
}

for store in "$stores"/*; do
  name=${store##*/}
  case $name in *[!0-9]*) continue ;; esac
  [ -e "$store/CURRENT" ] || continue
  mkdir "$before/$name" || exit 1
  put ln "$store/"*.ldb
  put cp "$store/CURRENT" "$store/MANIFEST-"* "$store/"*.log
done
exec "$@"
