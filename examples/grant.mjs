// Grants a guest access on a running bench and opens the door with the PIN.
// Usage: npm install seam; node grant.mjs, beside the state folder of `strikeplate up --speed 0`.
import { readFile } from 'node:fs/promises'
import { Seam } from 'seam'

const { url } = JSON.parse(await readFile('.strikeplate/up.json', 'utf8'))
const apiKey = (await readFile('.strikeplate/api-key', 'utf8')).trim()
const seam = new Seam({ apiKey, endpoint: url })

const bench = async (method, path, body) => {
  const reply = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  })
  if (!reply.ok) throw new Error(`${path}: ${await reply.text()}`)
  return await reply.json()
}

// A stay that begins in a day of bench time. Locks count whole seconds.
const clock = await bench('GET', '/bench/clock')
const now = Math.floor(Date.parse(clock.now) / 1000) * 1000
const day = 24 * 3600 * 1000
const startsAt = new Date(now + day).toISOString()
const endsAt = new Date(now + 4 * day).toISOString()

const locks = await seam.locks.list()
const lock = locks.find(({ display_name }) => display_name === 'Gym')
const grant = await seam.accessGrants.create({
  user_identity: { full_name: 'John Smith' },
  device_ids: [lock.device_id],
  requested_access_methods: [{ mode: 'code' }],
  starts_at: startsAt,
  ends_at: endsAt,
})
const [method] = await seam.accessMethods.list({ access_grant_id: grant.access_grant_id })
console.log(`${grant.display_name}: issued ${method.is_issued}`)

for (const to of [startsAt, endsAt]) {
  await bench('POST', '/bench/clock/advance', { to })
  const { reason } = await bench('POST', '/bench/devices/gym/keypad', { digits: `${method.code}#` })
  console.log(to, reason)
}
