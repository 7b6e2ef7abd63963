import { expect, newPhone, personOf, signIn, signInByCode, test } from './story.ts';

test('a session outlives a killed gateway', async ({ page, system }) => {
  await signIn(page.request, personOf('staff'));
  await system.perform('kill', 'gateway');
  await expect(page.request.get('/api/auth/me')).rejects.toThrow('ECONNREFUSED');
  await system.perform('start', 'gateway');
  expect((await page.request.get('/api/auth/me')).ok()).toBe(true);
});

test('a customer signs in while Kafka is down for 10 s', async ({ page, system }) => {
  await system.perform('stop', 'kafka');
  const restarted = new Promise((resolve) => setTimeout(resolve, 10_000)).then(() =>
    system.perform('start', 'kafka'),
  );
  await signInByCode(page.request, newPhone());
  await restarted;
});

test('a frozen gateway answers once it is thawed', async ({ page, system }) => {
  await system.perform('freeze', 'gateway');
  const answer = page.request.get('/api/auth/consent');
  await expect(page.request.get('/api/auth/consent', { timeout: 1_000 })).rejects.toThrow('1000ms');
  await system.perform('thaw', 'gateway');
  expect((await answer).ok()).toBe(true);
});

test('the gateway answers for services that were killed, until they run', async ({
  page,
  system,
}) => {
  await system.perform('kill', 'services');
  expect((await page.request.get('/api/projects')).status()).toBe(503);
  await system.perform('start', 'services');
  expect((await page.request.get('/api/projects')).ok()).toBe(true);
});
