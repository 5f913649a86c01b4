#!/usr/bin/env bash
# How close many calls come to the best that their service allows: COUNT prompts, MAX at a time, each answered after a
# second. Prints the wall time, the ideal, their ratio and the peak memory. Usage: benches/calls.sh [COUNT] [MAX]
set -euo pipefail
cd "$(dirname "$0")/.."
count=${1:-200} most=${2:-50}
storygen=${STORYGEN:-$PWD/target/release/storygen}
work=$(mktemp -d)
trap 'kill $server 2>/dev/null || true; rm -rf "$work"' EXIT

cat > "$work/server.py" <<'PY'
import json, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        time.sleep(1)
        text = "About " + asked["messages"][-1]["content"]
        body = json.dumps({
            "model": "slow", "choices": [{"finish_reason": "stop", "message": {"content": text}}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 9},
        }).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass

class Server(ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True

server = Server(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
PY
python3 "$work/server.py" > "$work/port" &
server=$!
until [ -s "$work/port" ]; do sleep 0.05; done

mkdir "$work/repo"
cat > "$work/repo/Storyfile.yaml" <<YAML
storygen: 1
providers:
  slow: { type: openai, model: slow, base_url: "http://127.0.0.1:$(cat "$work/port")/v1", max_concurrency: $most, price: free }
stages:
  page:
    uses: prompt
    provider: slow
    foreach: { n: [$(seq -s, 1 "$count")] }
    outputs: pages/\${n}.md
    with: { prompt: "Page \${n}." }
YAML
cd "$work/repo"
/usr/bin/time -f '%e %M' -o "$work/time" "$storygen" build --quiet
read -r wall peak < "$work/time"
python3 - "$count" "$most" "$wall" "$peak" <<'PY'
import math, sys
count, most, wall, peak = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
ideal = math.ceil(count / most)
print(f"{count} calls, {most} at a time: {wall:.2f} s, ideal {ideal} s, ratio {wall / ideal:.2f}; peak memory {peak / 1024:.0f} MiB")
PY
