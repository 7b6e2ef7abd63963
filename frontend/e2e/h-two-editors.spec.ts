import type { Page } from '@playwright/test';
import { expect, personOf, signIn, test } from './story.ts';
import { openProgramme } from './support/programmes.ts';

test('two staff edit one programme, and nothing that was typed is lost', async ({
  page,
  newVisitor,
  playwright,
}) => {
  const programme = await openProgramme(playwright.request);
  const login = `edit${String(Date.now()).slice(-8)}`;
  const password = 'gureum-namu-badak-71';
  await signIn(page.request, personOf('staff'));
  const second = await newVisitor();

  await test.step('A second member of staff is invited, and sets a password', async () => {
    await page.goto('/staff/accounts');
    await page.getByRole('button', { name: '관리자 초대' }).click();
    const sheet = page.getByRole('dialog');
    await sheet.getByLabel('이름', { exact: true }).fill('이야기 관리자');
    await sheet.getByLabel('아이디').fill(login);
    await sheet.getByRole('button', { name: '초대 링크 만들기' }).click();
    const link = await page.getByLabel('초대 링크', { exact: true }).inputValue();
    await page.getByRole('button', { name: '전했어요' }).click();
    await expect(page.getByRole('row', { name: login })).toContainText('초대됨');

    await second.goto(link);
    await second.getByLabel('새 비밀번호', { exact: true }).fill(password);
    await second.getByLabel('새 비밀번호 한 번 더').fill(password);
    await second.getByRole('button', { name: '비밀번호 정하기' }).click();
    await second.getByRole('link', { name: '로그인하러 가기' }).click();
    await second.getByLabel('아이디').fill(login);
    await second.getByLabel('비밀번호', { exact: true }).fill(password);
    await second.getByRole('button', { name: '로그인' }).click();
    await expect(second).toHaveURL(/\/staff$/);
  });

  const path = `/staff/projects/${programme.id}`;
  const saved = new RegExp(`${path}$`);
  const save = (editor: Page) => editor.getByRole('button', { name: '저장', exact: true }).click();
  // Both pages show it, without a reload.
  const expectShown = async (words: string): Promise<void> => {
    for (const editor of [page, second]) {
      await expect(editor.getByRole('main')).toContainText(words);
    }
  };

  await test.step('Changes of different fields are merged', async () => {
    for (const editor of [page, second]) await editor.goto(`${path}/edit`);
    await page.getByLabel('분야').selectOption('수출');
    await second.getByLabel('수행기관').fill('가상경제진흥원');
    await save(second);
    await expect(second).toHaveURL(saved);
    await save(page);
    await expect(page).toHaveURL(saved);
    await expectShown('수출 · 전국 · 중소벤처기업부 · 가상경제진흥원');
  });

  await test.step('Changes of the same field are shown side by side', async () => {
    for (const editor of [page, second]) {
      await editor.getByRole('link', { name: '고치기' }).click();
      await expect(editor.getByLabel('수행기관')).toHaveValue('가상경제진흥원');
    }
    await page.getByLabel('소관기관').fill('가상도');
    await page.getByLabel('지원대상').fill('여성기업');
    await second.getByLabel('소관기관').fill('가상시');
    await second.getByLabel('내용').fill('첫 수출을 돕는 사업');
    await save(second);
    await expect(second).toHaveURL(saved);
    await save(page);
    const sheet = page.getByRole('dialog', { name: '그사이 다른 사람이 먼저 저장했어요' });
    await expect(sheet).toContainText('겹치지 않는 항목(내용)은 그대로 합쳤어요.');
    const row = sheet.getByRole('row', { name: '소관기관' });
    await expect(row).toContainText('중소벤처기업부');
    await expect(row.getByRole('radio', { name: '가상시' })).not.toBeChecked();
    await expect(row.getByRole('radio', { name: '가상도' })).toBeChecked();
    await sheet.getByRole('button', { name: '고른 값으로 저장' }).click();
    await expect(page).toHaveURL(saved);
    await expectShown('수출 · 전국 · 가상도 · 가상경제진흥원');
  });

  await test.step('What both typed besides is there', async () => {
    await second.getByRole('link', { name: '고치기' }).click();
    await expect(second.getByLabel('지원대상')).toHaveValue('여성기업');
    await expect(second.getByLabel('내용')).toHaveValue('첫 수출을 돕는 사업');
  });
});
