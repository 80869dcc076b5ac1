// Mastra: `Agent` with `Memory` over `LibSQLStore` on a file, and observational memory, as its documentation shows it.
//
// The observer's model is the summarizer. Background buffering (`bufferTokens`) is on as it comes, or off: then the
// observer runs within the turn. The reflector's threshold is set out of reach, so that one kind of call is counted.

import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

// The packages stand in the folder that the installer made, not beside this file.
const require = createRequire(join(process.env.PEER_PACKAGES, 'package.json'))
const load = name => import(pathToFileURL(require.resolve(name)).href)
const { Agent } = await load('@mastra/core/agent')
const { Memory } = await load('@mastra/memory')
const { TokenCounter } = await load('@mastra/memory/processors')
const { LibSQLStore } = await load('@mastra/libsql')

/** A model in this process: `answer` is awaited with the prompt, and its text is what the model says. */
function fake(modelId, answer) {
  const usage = { inputTokens: 1, outputTokens: 1, totalTokens: 2 }
  return {
    specificationVersion: 'v2',
    provider: 'fake',
    modelId,
    supportedUrls: {},
    async doGenerate({ prompt }) {
      const content = [{ type: 'text', text: await answer(prompt) }]
      return { content, finishReason: 'stop', usage, warnings: [] }
    },
    async doStream({ prompt }) {
      const text = await answer(prompt)
      const parts = [
        { type: 'stream-start', warnings: [] },
        { type: 'text-start', id: 't' },
        { type: 'text-delta', id: 't', delta: text },
        { type: 'text-end', id: 't' },
        { type: 'finish', finishReason: 'stop', usage },
      ]
      return { stream: ReadableStream.from(parts) }
    },
  }
}

/** The text of a message of a prompt. */
function textOf({ content }) {
  return typeof content === 'string' ? content : content.map(part => part.text ?? '').join('')
}

/** The mean size of the workload's messages in tokens, as Mastra counts them. */
function meanTokens(work) {
  const counter = new TokenCounter()
  const texts = work.steady.turns.flatMap(turn => [turn.user, turn.assistant])
  const total = texts.reduce((sum, text) => sum + counter.countString(text) + TokenCounter.TOKENS_PER_MESSAGE, 0)
  return total / texts.length
}

export class Peer {
  constructor(work, measure, dir, buffering) {
    this.work = work
    this.measure = measure
    this.url = `file:${join(dir, 'memory.db')}`
    this.buffering = buffering
    this.answers = new Map()
    this.ids = 0
  }

  async start() {
    const { work, measure } = this
    const each = meanTokens(work)
    this.storage = new LibSQLStore({ id: 'store', url: this.url })
    const observer = fake('observer', async () => `<observations>\n* ${await measure.summaryCall()}\n</observations>`)
    this.memory = new Memory({
      storage: this.storage,
      options: {
        lastMessages: Number.MAX_SAFE_INTEGER,
        observationalMemory: {
          observation: {
            model: observer,
            messageTokens: Math.round(each * work.trigger_messages),
            ...(this.buffering
              ? { bufferActivation: 1 - work.kept_messages / work.trigger_messages }
              : { bufferTokens: false }),
          },
          reflection: { model: observer, observationTokens: 1_000_000 },
        },
      },
    })
    const actor = fake('actor', async prompt => {
      const last = prompt.findLast(message => message.role === 'user')
      const text = textOf(last)
      const [key, found] = [...this.answers].find(([question]) => text.includes(question))
      this.answers.delete(key)
      found.record.sent?.push(...prompt.map(textOf))
      await measure.modelCall(found.record)
      return found.said
    })
    this.agent = new Agent({ id: 'peer', name: 'peer', instructions: 'Answer.', model: actor, memory: this.memory })
  }

  async stop() {
    await this.memory.settled()
  }

  message(thread, text, role = 'user') {
    this.ids += 1
    const content = { format: 2, parts: [{ type: 'text', text }], content: text }
    const createdAt = new Date()
    return { id: `m${this.ids}`, role, content, createdAt, threadId: thread, resourceId: thread, type: 'text' }
  }

  async open(name, texts) {
    await this.memory.createThread({ threadId: name, resourceId: name })
    const roles = ['user', 'assistant']
    for (const [at, text] of texts.entries()) {
      // Times in milliseconds order the messages of a thread.
      await this.memory.saveMessages({ messages: [this.message(name, text, roles[at % 2])] })
    }
    return { name, memory: this.memory }
  }

  /** A second handle: another `Memory` over another connection to the same file. */
  async again(session) {
    const storage = new LibSQLStore({ id: 'store', url: this.url })
    return { name: session.name, memory: new Memory({ storage, options: this.memory.threadConfig }) }
  }

  async turn(session, said, record) {
    // Sessions of a crowd say the same; the thread's name makes the question unique.
    const question = `${said.user} [${session.name}]`
    this.answers.set(question, { said: said.assistant, record })
    const memory = { thread: session.name, resource: session.name }
    await this.agent.generate(question, { memory })
  }

  async append(session, text) {
    await session.memory.saveMessages({ messages: [this.message(session.name, text)] })
  }

  async stored(session) {
    const { messages } = await this.memory.recall({ threadId: session.name, perPage: false })
    return messages.map(message => message.content.parts.map(part => part.text ?? '').join(''))
  }

  /** What the model is sent in one more turn. */
  async view(session) {
    const record = { spent: 0, sent: [] }
    await this.turn(session, { user: 'What else?', assistant: 'So be it.' }, record)
    return record.sent
  }

  async stated() {
    const client = this.storage.client ?? this.storage.turso
    if (!client?.execute) return 'libSQL'
    const values = []
    for (const name of ['journal_mode', 'synchronous']) {
      const { rows } = await client.execute(`PRAGMA ${name}`)
      values.push(`${name}=${Object.values(rows[0])[0]}`)
    }
    return `libSQL ${values.join(', ')}`
  }
}
