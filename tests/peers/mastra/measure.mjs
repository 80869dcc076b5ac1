// What the Mastra driver measures, as the Python drivers do it (shared/measure.py): turns and summarizer calls with
// their times, calls at once, freezes of an unrelated task, and the memory of the process.

import { readFileSync } from 'node:fs'

export const sleep = ms => new Promise(resolve => setTimeout(resolve, Math.max(0, ms)))

/** What the system says that this process holds (`VmRSS`), or held at most (`VmHWM`), in MiB. */
export function memoryMib(which) {
  const line = readFileSync('/proc/self/status', 'ascii').split('\n').find(line => line.startsWith(which))
  return Number(line.split(/\s+/)[1]) / 1024
}

/** What was seen so far, and the fake models. */
export class Measure {
  constructor(phase, summary) {
    this.turnMs = phase.turn_ms ?? 0
    this.summaryMs = phase.summary_ms ?? 0
    this.summary = summary
    this.turns = []
    this.passes = []
    this.calls = 0
    this.peakCalls = 0
    this.freezeMs = 0
    this.summarizingSince = null
  }

  /** Milliseconds since the beginning. */
  now() {
    return performance.now()
  }

  /** The model of a turn: notes how long it really took. */
  async modelCall(turn) {
    const started = this.now()
    await sleep(this.turnMs)
    turn.spent += this.now() - started
  }

  /** The model that summarizes. */
  async summaryCall() {
    const started = this.now()
    this.calls += 1
    this.peakCalls = Math.max(this.peakCalls, this.calls)
    this.summarizingSince ??= started
    await sleep(this.summaryMs)
    this.calls -= 1
    this.passes.push([started, this.now()])
    return this.summary
  }

  /** A turn, timed from when it was due: a process that stands still makes it late. */
  async timed(turn, due = this.now()) {
    const record = { spent: 0 }
    await turn(record)
    this.turns.push([due, this.now(), record.spent])
  }

  /** An unrelated task that wants to run every so often, until it is stopped. */
  heartbeat(everyMs) {
    const heart = { beats: true }
    const beat = async () => {
      while (heart.beats) {
        const started = this.now()
        await sleep(everyMs)
        this.freezeMs = Math.max(this.freezeMs, this.now() - started - everyMs)
      }
    }
    beat()
    return heart
  }

  /** Waits until no summarizer call is under way, nor has been for a while. */
  async quiet() {
    for (let idle = 0; idle < 10; idle = this.calls ? 0 : idle + 1) await sleep(20)
  }

  report() {
    return { turns: this.turns, passes: this.passes, peak_calls: this.peakCalls, freeze_ms: this.freezeMs }
  }
}
