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
