#!/usr/bin/env bash
# --json: NDJSON, versioned first record, result last, nothing else on stdout or stderr.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
need jq

golden() { # EXPRESSION EXPECTED
  local got
  got=$(jq -c "$1" out)
  [ "$got" = "$2" ] || fail "$1 is $got, expected $2"
}
run 0 --json "${sim[@]}" dump d.bin && empty err
jq -e . out >/dev/null || fail "not JSON"
[ "$(head -n 1 out | jq -c '[.type, .api, .program, .verb]')" = '["hello",1,"bkflash","dump"]' ] || fail "hello"
[ "$(tail -n 1 out | jq -c '[.type, .status, .exit, .effect]')" = '["result","BKF_OK",0,"none"]' ] || fail "result"
[ "$(jq -r .type out | sort -u | tr '\n' ' ')" = "hello note progress result " ] || fail "record types"
tail -n 1 out | jq .data >data.json
jq 'del(.when)' data.json >a.json
jq 'del(.when)' d.bin.json >b.json
same a.json b.json
sha=$(sha256sum d.bin | cut -d' ' -f1)
json d.bin.json ".sha256 == \"$sha\""
json d.bin.json '.api == 1 and .kind == "read" and .bytes == 4194304 and .range == {"start":0,"end":4194304}'
json d.bin.json '.flash.jedec == "0B4016" and .flash.part == "XT25F32B" and .flash.size == 4194304'
json d.bin.json '.flash.size_proven_by | index("wrap test") and index("profile") and index("SFDP")'
json d.bin.json '.flash.status.sr1 | test("^[0-9A-F]{2}$")'
json d.bin.json '.flash.unique_id | test("^[0-9A-F]{16,32}$")'
json d.bin.json '.holes == [] and .proof.unstable == [] and .proof.verify == "full" and .complete_backup'
json d.bin.json '.proof.bytes_by_second_read + .proof.bytes_by_device_crc == .bytes'
json d.bin.json '.adapter.driver == "sim" and .adapter.transport == "spi" and .chip.name == "bk7252"'
json d.bin.json '.tool | startswith("bkflash ")'
json d.bin.json '.duration_us > 0 and .retries == 0 and .rereads == 0 and .resets == 1'
json d.bin.json '.profile.name == "doorbell_mlt1t" and (.profile.files | length) == 2'
json d.bin.json '.profile.values[] | select(.section == "flash" and .key == "jedec") | .line > 0 and (.file | endswith("doorbell_mlt1t.ini"))'
# The hashes of the partitions are those of the file.
n=0
while read -r name start end want; do
  got=$(tail -c +$((start + 1)) d.bin | head -c $((end - start)) | sha256sum | cut -d' ' -f1)
  [ "$got" = "$want" ] || fail "hash of partition $name"
  n=$((n + 1))
done < <(jq -r '.partitions[] | "\(.name) \(.start) \(.end) \(.sha256)"' d.bin.json)
[ $n -ge 5 ] || fail "only $n partitions in the sidecar"

run 0 --json "${sim[@]}" info && empty err
golden 'select(.type=="result").data | [.kind, .profile, .matches_profile, .flash.size]' '["info","doorbell_mlt1t",true,4194304]'
run 22 --json "${sim[@]}" -O jedec=C84015 dump x.bin && empty err
golden 'select(.type=="result") | [.status, .exit]' '["BKF_E_MISMATCH",22]'
run 31 --json "${sim[@]}" -O seed=2 verify d.bin
golden 'select(.type=="result").data | [.kind, .equal, (.differ | length > 0)]' '["verify",false,true]'
run 0 --json "${sim[@]}" verify d.bin
golden 'select(.type=="result").data | [.equal, .differing_bytes]' '[true,0]'
run 2 --json dump && empty err
golden 'select(.type=="result") | [.status, .exit]' '["BKF_E_PARAM",2]'
run 0 --json list profiles
golden 'select(.type=="result").data.items | map(.name) | index("doorbell_mlt1t") != null' true
run 0 --json list adapters
golden 'select(.type=="result").data.items[] | select(.name=="sim") | .options | map(.key) | index("image") != null' true
run 0 --json list
golden 'select(.type=="result").data.lists | map(.kind)' '["profiles","adapters","chips","units"]'
run 0 --json plugins
golden 'select(.type=="result").data.items | map(select(.id == "org.bkflash.adapter.sim")) | .[0].adapters' '["sim"]'
run 0 --json profile show -p doorbell_mlt1t.ini
golden 'select(.type=="result").data.values[] | select(.section=="flash" and .key=="part") | .value' '"XT25F32B"'
# A warning of the program is a record too.
head -c 4096 d.bin >new.bin
run 0 --json "${sim[@]}" write --dry-run --no-backup --at 0x200000 new.bin && empty err
golden 'select(.type=="log" and .level=="warning") | [.who, .text]' '["bkflash","without a backup there is no way back"]'
printf '[profile]\nschema = 1\nkind = board\nname = x\nincldue = chips/bk7252.ini\n' >bad.ini
run 3 --json check bad.ini && empty err
golden 'select(.type=="diagnostic" and .line==5) | [.file, .severity, .section, .key]' '["bad.ini","error","profile","incldue"]'
finish
