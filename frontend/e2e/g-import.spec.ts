import { expect, personOf, signIn, test } from './story.ts';
import { dayFromToday } from './support/days.ts';

const HEAD = '번호,분야,사업명,신청시작일자,신청종료일자,소관기관,수행기관,등록일자,상세URL';

/** A list as 기업마당 publishes it: its headings, its keys, and commas inside of quotes. */
function listOf(rows: readonly string[][]): { name: string; mimeType: string; buffer: Buffer } {
  const cell = (text: string): string =>
    /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  const lines = rows.map((row) => row.map(cell).join(','));
  const buffer = Buffer.from(`\uFEFF${[HEAD, ...lines].join('\r\n')}\r\n`);
  return { name: '기업마당-공고.csv', mimeType: 'text/csv', buffer };
}

test('staff import a file with errors, mend it, and import it again', async ({ page }) => {
  const mark = String(Date.now()).slice(-9);
  const year = dayFromToday(0).slice(0, 4);
  const row = (number: number, name: string, agency: string): string[] => [
    String(number),
    '수출',
    `[부산] ${year}년 ${mark} ${name}`,
    dayFromToday(-3),
    dayFromToday(20),
    agency,
    '가상경제진흥원',
    dayFromToday(-4),
    `https://www.bizinfo.go.kr/view.do?pblancId=PBLN_${mark}00000${String(number)}`,
  ];
  const good = row(1, '해외전시회 참가 지원', '부산광역시');
  const quoted = row(2, '게임, 그리고 "인디" 제작 지원', '가상부');
  const mended = row(3, '물류비 지원', '부산광역시');
  const lacking = mended.with(5, '');

  await signIn(page.request, personOf('staff'));
  await page.goto('/staff/imports');
  const scopes = page.getByRole('navigation', { name: '계획' });

  await test.step('The plan says what it would do, and where the error is', async () => {
    await page.getByLabel('파일 고르기').setInputFiles(listOf([good, quoted, lacking]));
    await expect(page.getByText('아직 아무것도 저장하지 않았어요.')).toBeVisible();
    const error = page.getByRole('row', { name: '소관기관' });
    await expect(error).toContainText('4행');
    await expect(error).toContainText('6열');
    await expect(error).toContainText('비어 있습니다');
    await expect(scopes.getByRole('link', { name: /^신규/ })).toContainText('2');
    await expect(scopes.getByRole('link', { name: /^오류/ })).toContainText('1');
  });

  await test.step('What is right is stored, and the error is not', async () => {
    await page.getByRole('button', { name: '이대로 2건 반영' }).click();
    await expect(page.getByText('모두 반영했어요.')).toBeVisible();
    await page.getByRole('link', { name: '사업 목록 보기' }).click();
    await page.getByRole('searchbox').fill(mark);
    await expect(page.getByRole('link', { name: quoted[2] ?? '' })).toBeVisible();
    await expect(page.getByRole('link', { name: good[2] ?? '' })).toBeVisible();
    await expect(page.getByText('물류비 지원')).toBeHidden();
  });

  await test.step('The mended file adds the row that was missing, and nothing twice', async () => {
    await page.getByRole('main').getByRole('link', { name: '가져오기' }).click();
    await page.getByLabel('파일 고르기').setInputFiles(listOf([good, quoted, mended]));
    await expect(scopes.getByRole('link', { name: /^동일/ })).toContainText('2');
    await expect(scopes.getByRole('link', { name: /^오류/ })).toContainText('0');
    await page.getByRole('button', { name: '이대로 1건 반영' }).click();
    await expect(page.getByText('모두 반영했어요.')).toBeVisible();
    await page.getByRole('link', { name: '사업 목록 보기' }).click();
    await page.getByRole('searchbox').fill(mark);
    await expect(page.getByRole('link', { name: mended[2] ?? '' })).toBeVisible();
    await expect(page.getByRole('link', { name: mark })).toHaveCount(3);
  });
});
