// The Mastra driver: plays a phase of the workload and prints one JSON object. See peer.mjs for how Mastra is used.
//
// Run: node driver.mjs buffering|blocking PHASE WORKLOAD.json, with the packages' folder in PEER_PACKAGES.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Measure, memoryMib, sleep } from './measure.mjs'
import { Peer } from './peer.mjs'

async function alone(peer, phase, measure) {
  const session = await peer.open('alone', [])
  const heart = measure.heartbeat(peer.work.heartbeat_ms)
  for (const said of phase.turns) {
    await measure.timed(record => peer.turn(session, said, record))
    await sleep(phase.think_ms)
  }
  heart.beats = false
  return measure.report()
}

async function crowd(peer, phase, measure) {
  const sessions = []
  for (let at = 0; at < phase.sessions; at++) {
    // The name makes the texts the session's own, so that nothing can be summarized once for all of them.
    sessions.push(await peer.open(`s${at}`, phase.filled.map(text => `s${at} ${text}`)))
  }
  const started = measure.now()
  const play = async session => {
    let due = started
    for (const said of phase.turns) {
      await sleep(due - measure.now())
      await measure.timed(record => peer.turn(session, said, record), due)
      due = measure.now() + phase.think_ms
    }
  }
  await Promise.all(sessions.map(play))
  const wall = measure.now() - started
  await measure.quiet()
  return { ...measure.report(), turns_wall_ms: wall }
}

/** Entries that are appended while a turn runs and, where the session is full, while a compaction is under way. */
async function losses(peer, phase, measure) {
  const found = { stored: {}, view: {}, wait_ms: {} }
  for (const arm of ['same', 'other', 'control_same', 'control_other']) {
    const full = !arm.startsWith('control')
    const filled = full ? phase.filled : phase.filled.slice(0, phase.few)
    const session = await peer.open(arm, filled.map(text => `${arm} ${text}`))
    const second = arm.endsWith('other') ? await peer.again(session) : session
    measure.summarizingSince = null
    let done = false
    const turn = measure.timed(record => peer.turn(session, phase.turn, record)).finally(() => (done = true))
    while (full && measure.summarizingSince === null && !done) await sleep(5)
    let [due, longest] = [measure.summarizingSince ?? measure.now(), 0]
    for (const text of phase.appended) {
      // An append is due 20 ms after the one before; a process that stands still makes it late.
      due += 20
      await sleep(due - measure.now())
      await peer.append(second, text)
      longest = Math.max(longest, measure.now() - due)
      due = measure.now()
    }
    await turn
    await measure.quiet()
    await peer.memory.settled()
    found.stored[arm] = await peer.stored(session)
    found.view[arm] = await peer.view(session)
    found.wait_ms[arm] = longest
  }
  return found
}

/** Each writer appends, one after another, until the time is over; how many a second that were of all. */
async function writeFor(peer, writers, text, ms) {
  const started = performance.now()
  const write = async writer => {
    let count = 0
    for (; performance.now() < started + ms; count++) await peer.append(writer, `${count} ${text}`)
    return count
  }
  const counts = await Promise.all(writers.map(write))
  return counts.reduce((sum, count) => sum + count, 0) / ((performance.now() - started) / 1e3)
}

async function openWriters(peer, arm, count) {
  const writers = []
  for (let at = 0; at < count; at++) writers.push(await peer.open(`${arm}-${at}`, []))
  return writers
}

async function appends(peer, phase) {
  const rates = {}
  for (const [arm, count] of [['one', 1], ['many', phase.writers]]) {
    // Others warm up: some stores are slower the longer a session is.
    const others = await openWriters(peer, `before-${arm}`, count)
    const writers = await openWriters(peer, arm, count)
    await writeFor(peer, others, phase.text, phase.warm_up_ms)
    rates[arm] = await writeFor(peer, writers, phase.text, phase.seconds * 1e3)
  }
  return rates
}

/** Appends that are traced, by one writer and by many: how many, and when. */
async function syncs(peer, phase) {
  const found = {}
  // Connections that come later may have other settings.
  const stated = new Set()
  const write = async (writer, count) => {
    for (let at = 0; at < count; at++) await peer.append(writer, `${at} ${phase.text}`)
  }
  for (const [arm, count, each] of [['one', 1, phase.counted], ['many', phase.writers, phase.counted_each]]) {
    const writers = await openWriters(peer, arm, count)
    await Promise.all(writers.map(writer => write(writer, 1)))
    const from = Date.now() / 1e3
    await Promise.all(writers.map(writer => write(writer, each)))
    found[arm] = { appends: count * each, from, to: Date.now() / 1e3 }
    stated.add(await peer.stated())
  }
  return { ...found, stated: [...stated].join(', then ') }
}

const [kind, name, path] = process.argv.slice(2)
const work = JSON.parse(readFileSync(path, 'ascii'))
const phase = work[name === 'syncs' ? 'appends' : name]
const measure = new Measure(phase, work.summary)
const dir = mkdtempSync(join(tmpdir(), 'peer-'))
const peer = new Peer(work, measure, dir, kind === 'buffering')
await peer.start()
const before = memoryMib('VmRSS')
const phases = { steady: alone, leisure: alone, crowd, losses, appends, syncs }
const found = await phases[name](peer, phase, measure)
const memory = { rss_before: before, rss_after: memoryMib('VmRSS'), rss_peak: memoryMib('VmHWM') }
await peer.stop()
rmSync(dir, { recursive: true, force: true })
process.stdout.write(JSON.stringify({ ...found, ...memory }) + '\n', () => process.exit(0))
