#!/usr/bin/env bats
# The images, the compose files and the stack on a real Docker engine, with the commands of docs/install.md.

load engine.bash

FOO=/messages/2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
LONGEST_START_MS=3000
MOST_MIB=150

setup_file() {
    ((EUID == 0)) || {
        echo "A Docker engine of its own needs root." >&2
        return 1
    }
    engine_new
    checkout
    engine_start build
    make_base "$BASE"
    make_base debian:bookworm-slim
    local target seconds begin
    # shellcheck disable=SC2046  # a command
    seconds=$(seconds_of $(says docs/install.md 'docker build') --network=host --target test -t hashpost-test "$CHECKOUT")
    mv "$ENGINE/command.log" "$ENGINE/test-stage.log"
    begin=$EPOCHSECONDS
    for target in sender receiver; do
        docker build -q --network=host --target $target -t hashpost-$target "$CHECKOUT" >/dev/null
    done
    docker build -q --network=host -t hashpost "$CHECKOUT" >/dev/null
    docker build -q --network=host -t hashpost-cloud-init - <<END >/dev/null
FROM $BASE
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends cloud-init
END
    echo "# compiling and unit tests: $seconds s; the three images after them: $((EPOCHSECONDS - begin)) s" >&3
    docker build -q --network=host --build-arg DEBIAN=bookworm -t hashpost-bookworm "$CHECKOUT" >/dev/null
    engine_stop
    engine_start run
    remove_all
}
teardown_file() {
    # (Without an engine of its own, docker would speak to that of the machine.)
    [[ -n ${ENGINE:-} ]] || return 0
    remove_all || true
    engine_end
}

# Containers, volumes and networks; not the images.
remove_all() {
    [[ $DOCKER_HOST == "unix://${ENGINE:?}/"* ]] || return 1
    docker swarm leave --force >/dev/null 2>&1 || true
    docker ps -aq | xargs -r docker rm -fv >/dev/null
    docker volume ls -q | xargs -r docker volume rm -f >/dev/null
    docker network prune -f >/dev/null
    rm -rf "${CHECKOUT:?}"/{drop,.env} "$CHECKOUT"/certs/localhost.*
}

state() { docker inspect -f "{{.State.$2}}" "$1"; }
is_healthy() { [[ $(docker inspect -f '{{.State.Health.Status}}' "$1") == healthy ]]; }
was_restarted() { (($(docker inspect -f '{{.RestartCount}}' "$1") > 0)) && answers /readyz; }
# crash CONTAINER: its process 1, and so everything in it, ends at once.
crash() { kill -s KILL "$(state "$1" Pid)"; }
service() { (cd "$CHECKOUT" && docker-compose ps -q hashpost); }

# --- the images ------------------------------------------------------------------------------------------

@test "the image adds at most $MOST_MIB MiB to its base" {
    local image base_image
    image=$(docker image inspect -f '{{.Size}}' hashpost)
    base_image=$(docker image inspect -f '{{.Size}}' "$BASE")
    echo "# $(((image - base_image) >> 20)) MiB more than the $((base_image >> 20)) MiB of $BASE" >&3
    ((image - base_image <= MOST_MIB << 20))
}

@test "the unit tests ran in the build, and are a target by themselves" {
    local count
    count=$(grep -aoE '[0-9]+ passed, [0-9]+ failed' "$ENGINE/test-stage.log" | tail -n 1)
    # (In a folder that was named they may have run the last time.)
    [[ $count =~ ^[0-9]{3,}\ passed,\ 0\ failed$ || $(tail -n 4 "$ENGINE/test-stage.log") == *"Using cache"* ]]
    follow "Only the unit tests"
}

@test "the images are of Debian 13, and one can be made of Debian 12 that serves the same" {
    [[ $(docker run --rm --entrypoint sh hashpost -c '. /etc/os-release && echo $VERSION_ID') == 13 ]]
    [[ $(docker run --rm --entrypoint sh hashpost-bookworm -c '. /etc/os-release && echo $VERSION_ID') == 12 ]]
    docker run -d --name older -p 127.0.0.1:5000:5000 hashpost-bookworm
    wait_for 20 answers /readyz
    [[ $(status_of /messages -H 'Content-Type: application/json' -d '{"message":"foo"}') == 201 && $(status_of "$FOO") == 200 ]]
    docker rm -fv older
}

@test "an image says whose processes it has, how they end and how they fare; no key and no compiler is in it" {
    [[ $(docker image inspect -f '{{.Config.User}} {{.Config.StopSignal}} {{index .Config.Healthcheck.Test 0}}' hashpost) == "hashpost SIGTERM CMD" ]]
    run docker run --rm --entrypoint find hashpost /opt/hashpost /var/lib/hashpost /run/secrets -name '*.key' -o -name '*.pem' -o -name '*.cc'
    [[ $status == 0 && -z $output ]]
    [[ $(docker run --rm --entrypoint sh hashpost -c 'command -v g++ make || echo none') == none ]]
}

@test "the first 200 comes within $LONGEST_START_MS ms of docker run" {
    local begin=${EPOCHREALTIME/[.,]/} took
    docker run -d --name first -p 127.0.0.1:5000:5000 hashpost
    wait_for 20 answers /readyz
    took=$(((${EPOCHREALTIME/[.,]/} - begin) / 1000))
    echo "# docker run to the first 200: $took ms" >&3
    docker rm -fv first
    ((took <= LONGEST_START_MS))
}

# --- docker-compose --------------------------------------------------------------------------------------

@test "docker-compose up serves the acceptance client at once" {
    local commands
    commands=$(documented docs/install.md "The message service")
    within_checkout "$(says README.md 'docker-compose up -d')"
    [[ $(head -n 1 <<<"$commands") == 'docker-compose up -d' ]]
    acceptance run
    # The other line of that block, which finds foo there.
    run within_checkout "$(tail -n +2 <<<"$commands") -s"
    [[ $status == 0 && $output == '{"digest":"'${FOO##*/}'"}' ]]
}

@test "it is published on loopback only, with bounded logs, one unprivileged user and a read-only root" {
    local id users
    id=$(service)
    [[ $(docker port "$id") == "5000/tcp -> 127.0.0.1:5000" ]]
    [[ $(docker inspect -f '{{index .HostConfig.LogConfig.Config "max-size"}} {{index .HostConfig.LogConfig.Config "max-file"}}' "$id") == "10m 5" ]]
    users=$(docker exec "$id" sh -c 'cat /proc/[0-9]*/status' | grep -E '^(Uid|CapEff)' | sort -u)
    [[ $users == $'CapEff:\t0000000000000000\nUid:\t10001\t10001\t10001\t10001' ]] || { echo "$users"; false; }
    run docker exec "$id" touch /opt/hashpost/new
    [[ $status != 0 && $output == *"Read-only file system"* ]]
}

@test "after a crash the engine starts it again with its messages, and the sequence passes once foo and bar are deleted" {
    local id
    id=$(service)
    crash "$id"
    wait_for 20 was_restarted "$id"
    [[ $(status_of "$FOO") == 200 ]]
    run acceptance clean
    [[ ${lines[0]} == 200\ * && ${lines[1]} == 200\ * ]]
    acceptance run
}

@test "docker kill is a wish for the engine; up starts it again with its messages" {
    within_checkout "$(says docs/install.md 'docker kill') $(service)"
    within_checkout "$(says docs/install.md 'docker-compose up -d')"
    [[ $(status_of "$FOO") == 200 ]]
    acceptance clean
    acceptance run
}

@test "its log has what workers and httpd say, and the service inside says more" {
    local command
    wait_for 20 said "$(service)" "[worker] - Ready"
    wait_for 20 said "$(service)" "[httpd] - AH00489"
    [[ $(within_checkout "$(says docs/install.md 'docker-compose logs')") == *"[worker] - Ready"* ]]
    # (-T: a test has no terminal. It follows until it is ended.)
    command=$(says docs/install.md 'docker-compose exec hashpost service/hashpost logs')
    command=${command/exec/exec -T}
    [[ $(within_checkout "timeout 3 $command" || true) == *"/readyz HTTP/"* ]]
    [[ $(within_checkout "${command/%logs/status}") == *"/readyz: 200"* ]]
}

@test "another certificate is taken without a restart" {
    local began before
    began=$(state "$(service)" StartedAt)
    before=$(<"$CHECKOUT/certs/localhost.pem")
    rm "$CHECKOUT"/certs/localhost.*
    follow "The message service" 2
    [[ $(<"$CHECKOUT/certs/localhost.pem") != "$before" ]]
    wait_for 10 in_network curl -sf -o /dev/null --cacert "$CHECKOUT/certs/localhost.pem" https://localhost:5000/readyz
    [[ $(state "$(service)" StartedAt) == "$began" ]]
}

@test "down ends it in order and keeps the messages" {
    within_checkout "$(says docs/install.md 'docker stop') $(service)"
    [[ $(state "$(service)" ExitCode) == 0 ]]
    within_checkout "$(says docs/install.md 'docker-compose down')"
    within_checkout "$(says docs/install.md 'docker-compose up -d --build')"
    [[ $(status_of "$FOO") == 200 ]]
    within_checkout "docker-compose down -v"
}

# --- without compose -------------------------------------------------------------------------------------

@test "exposed to others, everything works but DELETE, also after a crash" {
    follow "Exposed to others"
    wait_for 20 answers /readyz
    [[ $(status_of /messages -H 'Content-Type: application/json' -d '{"message":"foo"}') == 201 ]]
    [[ $(status_of "$FOO" -X DELETE) == 403 ]]
    crash hashpost
    wait_for 20 was_restarted hashpost
    [[ $(status_of "$FOO") == 200 && $(status_of "$FOO" -X DELETE) == 403 ]]
    docker rm -fv hashpost
    docker volume rm hashpost-data hashpost-logs
}

@test "with a password file and a certificate that are mounted, DELETE wants a user, and that certificate is shown" {
    local folder=$ENGINE/mounted
    rm -rf "$folder"
    mkdir -m 0711 "$folder"
    docker run --rm --entrypoint htpasswd hashpost -nbB admin secret >"$folder/passwords"
    "$CHECKOUT/certs/make-dev-certs.sh" "$folder/cert.pem" "$folder/key.pem"
    chown 10001 "$folder/key.pem"
    docker run -d --name hashpost -p 5000:5000 -v "$folder:/run/secrets:ro" -e HASHPOST_PASSWORD_FILE=/run/secrets/passwords \
        -e HASHPOST_CERT=/run/secrets/cert.pem -e HASHPOST_KEY=/run/secrets/key.pem hashpost
    wait_for 20 in_network curl -sf -o /dev/null --cacert "$folder/cert.pem" https://localhost:5000/readyz
    [[ $(status_of /messages -H 'Content-Type: application/json' -d '{"message":"foo"}') == 201 ]]
    [[ $(status_of "$FOO" -X DELETE) == 401 && $(status_of "$FOO" -X DELETE -u admin:secret) == 200 ]]
    docker rm -fv hashpost
}

@test "a container whose runtime folder outlives a crash starts again, too" {
    docker run -d --name hashpost -p 5000:5000 --restart always hashpost
    wait_for 20 answers /readyz
    crash hashpost
    wait_for 20 was_restarted hashpost
    docker rm -fv hashpost
}

@test "a setting that is wrong ends the container with a sentence" {
    run docker run --rm -e HASHPOST_WORKERS=none hashpost
    [[ $status == 78 && $output == *"HASHPOST_WORKERS=none must be"* ]]
}

# --- the file drop ---------------------------------------------------------------------------------------

has_arrived() { [[ $(cat "$CHECKOUT/drop/output/$1.xml") == *"$2"* ]]; }

@test "the file drop delivers, from folder to folder, what is mounted" {
    follow "The file drop"
    wait_for 30 has_arrived books '<title type="str">Dune</title>'
    [[ $(stat -c '%a %u' "$CHECKOUT/drop" "$CHECKOUT/drop/key") == $'700 0\n600 10001' ]]
    [[ $(base64 -d "$CHECKOUT/drop/key" | wc -c) == 32 ]]
    [[ $(in_network curl -s http://localhost:8080/) == '{"msg":"Server is healthy","status_code":200}' ]]
}

@test "after crashes of both ends nothing is sent again, and what is new arrives" {
    local receiver sender
    receiver=$(cd "$CHECKOUT" && docker-compose -f docker-compose.drop.yml ps -q receiver)
    sender=$(cd "$CHECKOUT" && docker-compose -f docker-compose.drop.yml ps -q sender)
    rm "$CHECKOUT/drop/output/books.xml"
    crash "$receiver"
    crash "$sender"
    echo '{"title": "Emma"}' >"$CHECKOUT/drop/input/novel.json"
    wait_for 30 has_arrived novel Emma
    [[ ! -e $CHECKOUT/drop/output/books.xml ]]
    within_checkout "$(says docs/install.md 'docker-compose -f docker-compose.drop.yml down')"
}

@test "on a swarm its key is a secret, and a container that was killed is replaced" {
    follow "The file drop on a swarm of one node"
    echo '{"title": "Ulysses"}' >"$CHECKOUT/drop/input/swarm.json"
    wait_for 60 has_arrived swarm Ulysses
    docker kill "$(docker ps -q --filter label=com.docker.swarm.service.name=drop_receiver)"
    echo '{"title": "Dracula"}' >"$CHECKOUT/drop/input/killed.json"
    wait_for 60 has_arrived killed Dracula
    [[ $(docker secret ls --format '{{.Name}}') == app-sender-receiver-key ]]
    docker stack rm drop
    docker swarm leave --force
}

@test "for a user who is not root the containers run as that user, and the files are theirs" {
    remove_all
    chown -R 1234:1234 "$CHECKOUT"
    (cd "$CHECKOUT" && setpriv --reuid=1234 --regid=1234 --clear-groups packaging/container/prepare-drop)
    within_checkout "docker-compose -f docker-compose.drop.yml up -d --build"
    setpriv --reuid=1234 --regid=1234 --clear-groups bash -c "umask 077 && echo '{\"a\": 1}' >'$CHECKOUT/drop/input/mine.json'"
    wait_for 30 has_arrived mine '<a type="int">1</a>'
    [[ $(stat -c %u "$CHECKOUT/drop/output/mine.xml") == 1234 ]]
    within_checkout "docker-compose -f docker-compose.drop.yml down -v"
}

# --- a cloud ---------------------------------------------------------------------------------------------

@test "cloud-init finds its file valid" {
    # (Not on the machine of the tests, whose next boot it would change.)
    cp "$CHECKOUT/packaging/cloud/cloud-init.yaml" "$ENGINE/cloud-init.yaml"
    docker run --rm -v "$ENGINE/cloud-init.yaml:/file:ro" hashpost-cloud-init cloud-init schema --config-file /file
    sed -i 's/^runcmd:/runcmds: 1\nruncmd: x/' "$ENGINE/cloud-init.yaml"
    run docker run --rm -v "$ENGINE/cloud-init.yaml:/file:ro" hashpost-cloud-init cloud-init schema --config-file /file
    ((status != 0))
}
