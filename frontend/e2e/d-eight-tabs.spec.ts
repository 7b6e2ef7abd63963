import type { Page } from '@playwright/test';
import { expect, newPhone, post, signIn, signInByCode, test } from './story.ts';
import { dayFromToday } from './support/days.ts';
import { matchCustomer } from './support/matches.ts';
import { openProgramme, type Programme } from './support/programmes.ts';
import { freeze, watchStreams } from './support/streams.ts';

const TABS = 8;

test('eight tabs live on one stream, also when its tab is closed or frozen', async ({
  newVisitor,
  playwright,
}) => {
  const programmes = await Promise.all([1, 2, 3].map(() => openProgramme(playwright.request)));
  const [first, second, third] = programmes as [Programme, Programme, Programme];
  const phone = newPhone();
  const salesman = await matchCustomer(playwright.request, phone, first);
  const customer = (await newVisitor()).request;
  await signInByCode(customer, phone);
  const request = async ({ id, name }: Programme): Promise<void> => {
    const wish = { projectId: id, projectName: name, desiredDate: dayFromToday(10) };
    await post(customer, '/api/consultations', { ...wish, memo: '' });
  };

  const page = await newVisitor();
  const streams = watchStreams(page.context());
  await signIn(page.request, salesman);
  const tabs = [page];
  while (tabs.length < TABS) tabs.push(await page.context().newPage());
  for (const tab of tabs) {
    await tab.goto('/salesman/consultations');
    await expect(tab.getByText('연결됨')).toBeVisible();
    await expect(tab.getByRole('link', { name: '승인 기다림' })).toHaveText(/\d/);
  }

  await test.step('All tabs show a request', async () => {
    await request(first);
    await expectInAll(tabs, first);
    expect(streams.tabs()).toEqual([page]);
  });

  await test.step('The tab that has the stream is closed, and another takes over', async () => {
    await page.close();
    tabs.shift();
    await request(second);
    await expectInAll(tabs, second);
    expect(streams.tabs()).toHaveLength(1);
  });

  await test.step('The tab that has the stream is frozen, and another takes over', async () => {
    const [frozen] = streams.tabs();
    if (!frozen) throw new Error('no tab has a stream');
    const thaw = await freeze(frozen);
    await request(third);
    const others = tabs.filter((tab) => tab !== frozen);
    await expectInAll(others, third);
    expect(streams.tabs()).toHaveLength(2);
    await thaw();
    await expectInAll([frozen], third);
    await expect.poll(streams.tabs).toHaveLength(1);
    expect(others).toContain(streams.tabs()[0]);
  });
});

/** Waits until all tabs list the consultation about a programme, once. */
async function expectInAll(tabs: Page[], { name }: Programme): Promise<void> {
  for (const tab of tabs) {
    await expect(tab.getByRole('listitem').filter({ hasText: name })).toHaveCount(1);
  }
}
