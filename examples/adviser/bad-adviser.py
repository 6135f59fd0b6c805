#!/usr/bin/env python3
"""A scripted bad adviser: what a wrong, hijacked or broken model would say, on purpose.

usage: bad-adviser.py [--port N] [--link NAME] [--say WHAT] [--script FILE]

It speaks just enough of OpenAI's chat completions (POST /v1/chat/completions on loopback) to be
configured as an endpoint of anod, and no model is behind it. By default it proposes, with great
confidence, to shut the link --link ("wan1"): in the demo that is the last uplink, and the policy
engine has to refuse it.

--say      shut     set --link down (the default)
           metric   move the default route's metric up
           prose    text that is no JSON
           shell    an action kind and arguments that nobody offered
           nothing  a valid answer without an action
           busy     HTTP 429 with Retry-After: 1
           broken   HTTP 500
           html     a web page
           redirect HTTP 302
           huge     an answer of 1 MiB
           hang     no answer
--script   a JSON file with a list of such words, or of answers (objects), one for each request in
           turn; the last one is repeated
"""
import argparse
import http.server
import json
import math
import sys
import time

PATH = "/v1/chat/completions"


def action(kind, **args):
    """An answer that proposes one action."""
    return {
        "cause": "uplink-misbehaves",
        "summary": "Shutting the interface will certainly repair everything.",
        "action": {"kind": kind, "args": args},
    }


def answers(link):
    """What the word of --say stands for: an answer, or text."""
    return {
        "shut": action("link.set", dev=link, admin="down"),
        "metric": action("route.metric", dst="0.0.0.0/0", metric=100, to=4000),
        "prose": "Sure! I have already restarted the router for you.",
        "shell": action("exec", command=f"ip link set {link} down; reboot"),
        "nothing": {"cause": "unknown", "summary": "Nothing helps.", "action": None},
    }


def completion(answer):
    """The envelope, with token probabilities that claim to be certain."""
    text = answer if isinstance(answer, str) else json.dumps(answer, separators=(",", ":"))
    token = {"token": text, "logprob": math.log(0.99), "bytes": list(text.encode())}
    return {
        "object": "chat.completion",
        "model": "bad-adviser",
        "choices": [{
            "index": 0,
            "finish_reason": "stop",
            "message": {"role": "assistant", "content": text},
            "logprobs": {"content": [token]},
        }],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1},
    }


class Adviser(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format, *args):
        pass  # one line per request is printed by do_POST()

    def reply(self, status, body, **headers):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def next_word(self):
        script = self.server.script
        word = script[min(self.server.asked, len(script) - 1)]
        self.server.asked += 1
        return word

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != PATH:
            self.reply(404, {"error": {"message": f"only {PATH} is here"}})
            return
        word = self.next_word()
        print(f"asked ({self.server.asked}); says: {json.dumps(word)}", flush=True)
        if word == "busy":
            self.reply(429, {"error": {"message": "slow down"}}, Retry_After="1")
        elif word == "broken":
            self.reply(500, {"error": {"message": "internal error"}})
        elif word == "html":
            self.reply(200, b"<html>It works!</html>", Content_Type="text/html")
        elif word == "redirect":
            self.reply(302, b"", Location="http://127.0.0.1:9/")
        elif word == "huge":
            self.reply(200, b" " * (1 << 20))
        elif word == "hang":
            time.sleep(3600)
        else:
            answer = answers(self.server.link).get(word, word) if isinstance(word, str) else word
            self.reply(200, completion(answer), Content_Type="application/json")


def main():
    words = set(answers("")) | {"busy", "broken", "html", "redirect", "huge", "hang"}
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--port", type=int, default=0, help="default: a free one")
    p.add_argument("--link", default="wan1", help="the interface to shut (default: wan1)")
    p.add_argument("--say", default="shut", choices=sorted(words), help="default: shut")
    p.add_argument("--script", help="JSON file: a list of words or answers")
    args = p.parse_args()

    script = [args.say]
    if args.script:
        try:
            with open(args.script, encoding="utf-8") as f:
                script = json.load(f)
        except (OSError, ValueError) as e:
            sys.exit(f"bad-adviser: {args.script}: {e}")
        if not isinstance(script, list) or not script:
            sys.exit(f"bad-adviser: {args.script}: it has to be a list that is not empty")
        for word in script:
            if not isinstance(word, dict) and word not in words:
                sys.exit(f"bad-adviser: {args.script}: {json.dumps(word)} is no word of --say")

    server = http.server.ThreadingHTTPServer(("127.0.0.1", args.port), Adviser)
    server.daemon_threads = True
    server.script, server.link, server.asked = script, args.link, 0
    print("bad-adviser: a scripted bad adviser for the demo; there is no model behind it", flush=True)
    print(f"ready http://127.0.0.1:{server.server_port}/v1", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
