// The demo's flow through an official JavaScript SDK, unmodified.
// Usage: node flow.mjs PACKAGE URL API_KEY   (PACKAGE: seam-js1 or seam-js2)
// Prints one JSON line with what it saw; exits non-zero at the first thing that is not true.
import assert from 'node:assert/strict'

const [packageName, url, apiKey] = process.argv.slice(2)
const { Seam } = await import(packageName)
const seam = new Seam({ apiKey, endpoint: url })

const DEVICE_ID = '6ba7b811-9dad-11d1-80b4-00c04fd430c8'
const STARTS_AT = '2025-07-13T15:00:00.000Z'
const ENDS_AT = '2025-07-16T11:00:00.000Z'

const bench = async (method, path, body) => {
  const reply = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  })
  assert.equal(reply.status, 200, `${method} ${path} -> ${reply.status} ${await reply.clone().text()}`)
  return await reply.json()
}
const advance = async (to, settle = false) =>
  await bench('POST', '/bench/clock/advance', { to, settle })
const press = async (digits) =>
  await bench('POST', `/bench/devices/${DEVICE_ID}/keypad`, { digits })

const devices = await seam.devices.list()
assert.ok(devices.some((device) => device.device_id === DEVICE_ID))
const workspace = await seam.workspaces.get()
assert.ok(workspace.is_sandbox)

const grant = await seam.accessGrants.create({
  user_identity: { full_name: 'Jane Doe', email_address: 'jane@example.com' },
  device_ids: [DEVICE_ID],
  requested_access_methods: [{ mode: 'code' }],
  starts_at: STARTS_AT,
  ends_at: ENDS_AT,
})
const [method] = await seam.accessMethods.list({ access_grant_id: grant.access_grant_id })
const code = method.code
assert.match(code, /^\d{7}$/)

await advance('2025-07-10T15:00:00Z', true)
const memory = await bench('GET', `/bench/devices/${DEVICE_ID}/memory`)
assert.deepEqual(memory.slots.filter((slot) => slot.code !== null).map((slot) => slot.code), [code])
const issued = await seam.accessMethods.get({ access_method_id: method.access_method_id })
assert.equal(issued.is_issued, true)
const [scheduled] = await seam.accessCodes.list({ access_grant_id: grant.access_grant_id })
assert.equal(scheduled.status, 'unset')
assert.equal(scheduled.is_scheduled_on_device, true)

await advance('2025-07-13T14:59:59Z')
assert.deepEqual((await press(code)).reason, 'outside_schedule')
await advance('2025-07-13T15:00:00Z')
assert.deepEqual((await press(code)).opened, true)
assert.equal(
  (await seam.accessCodes.get({ access_code_id: scheduled.access_code_id })).status,
  'set',
)

await bench('POST', '/bench/gateway', { on: false })
await advance('2025-07-16T10:59:59Z')
assert.equal((await press(code)).opened, true)
await advance('2025-07-16T11:00:00Z')
assert.equal((await press(code)).reason, 'outside_schedule')
await bench('POST', '/bench/gateway', { on: true })
const { unfinished } = await bench('POST', '/bench/clock/advance', { seconds: 60, settle: true })
assert.deepEqual(unfinished, [])

const events = await seam.events.list({ since: '2025-07-10T00:00:00.000Z', limit: 500 })
const types = events.map((event) => event.event_type)
for (const type of [
  'access_grant.created',
  'access_method.created',
  'access_code.created',
  'access_code.scheduled_on_device',
  'access_method.issued',
  'access_grant.access_granted_to_all_doors',
  'access_code.set_on_device',
  'lock.unlocked',
]) {
  assert.ok(types.includes(type), `no ${type} among ${types}`)
}
await assert.rejects(
  seam.accessCodes.get({ access_code_id: scheduled.access_code_id }),
  (error) => error.code === 'access_code_not_found',
)

// A lock with remote unlock, through an action attempt.
const remote = devices.find((device) => device.can_remotely_unlock)
const attempt = await seam.locks.unlockDoor({ device_id: remote.device_id })
assert.equal(attempt.status, 'success')

// Updates and deletes, in this SDK's own dialect.
const ongoing = await seam.accessCodes.create({ device_id: remote.device_id, name: 'Cleaner' })
await seam.accessCodes.update({ access_code_id: ongoing.access_code_id, name: 'Cleaning team' })
const renamed = await seam.accessCodes.get({ access_code_id: ongoing.access_code_id })
assert.equal(renamed.name, 'Cleaning team')
await seam.accessCodes.delete({ access_code_id: ongoing.access_code_id })
await assert.rejects(seam.accessCodes.get({ access_code_id: ongoing.access_code_id }))
await seam.accessGrants.delete({ access_grant_id: grant.access_grant_id })
await assert.rejects(seam.accessGrants.get({ access_grant_id: grant.access_grant_id }))
await assert.rejects(
  seam.accessCodes.create({ device_id: remote.device_id, code: '12' }),
  (error) => error.code === 'invalid_input' || error.name === 'SeamHttpInvalidInputError',
)

console.log(JSON.stringify({ ok: true, package: packageName, events: types.length }))
