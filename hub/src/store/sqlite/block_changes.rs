//! How rows of blocks come and go: always a row of `times` with all that hang on it.

use rusqlite::types::Value;
use rusqlite::{Connection, named_params};

use super::blocks::sum;
use crate::model::device::DeviceNo;
use crate::store::engine::transaction::ChangeSpans;
use crate::store::error::Result;
use crate::store::pack::packed::Summary;
use crate::store::span::{Blocks, Level, Times};

const INSERT_TIMES: &str = "INSERT INTO times (id, cut, device, start_at, end_at, received_at, count, level, data, crc)
    VALUES (:id, :cut, :device, :start_at, :end_at, :received_at, :count, :level, :data, :crc)";
const INSERT_CELLS: &str = "INSERT INTO cells (times, data) VALUES (:times, :data)";
const INSERT_BLOCK: &str = "INSERT INTO block (id, scale, min, max, sum, first, last, data)
    VALUES (:id, :scale, :min, :max, :sum, :first, :last, :data)";

const DONE: &str = "UPDATE times SET level = 1 WHERE id = :id";

const SOME_OF: &str = "SELECT id FROM times WHERE device = :device LIMIT :at_most";
const DELETE_BLOCKS: &str = "DELETE FROM block WHERE id >= :times << 32 AND id < (:times + 1) << 32";
const DELETE_CELLS: &str = "DELETE FROM cells WHERE times = :times";
const DELETE_TIMES: &str = "DELETE FROM times WHERE id = :times";

impl ChangeSpans for Connection {
    fn put_blocks(&self, device: DeviceNo, blocks: &Blocks, level: Level) -> Result<()> {
        let mut times = self.prepare_cached(INSERT_TIMES)?;
        for Times { span, data, cells } in &blocks.times {
            times.execute(named_params! {
                ":id": span.id,
                ":cut": span.cut,
                ":device": device,
                ":start_at": span.start.0,
                ":end_at": span.end.0,
                ":received_at": blocks.received.0,
                ":count": i64::try_from(span.count).unwrap_or(i64::MAX),
                ":level": level as i64,
                ":data": data,
                ":crc": sum(span, device),
            })?;
            if let Some(cells) = cells {
                self.prepare_cached(INSERT_CELLS)?.execute(named_params! { ":times": span.id, ":data": cells })?;
            }
        }
        let mut block = self.prepare_cached(INSERT_BLOCK)?;
        for (id, packed) in &blocks.columns {
            let (scale, figures) = match &packed.summary {
                Summary::Scaled(scale, figures) => (Some(*scale), figures.all().map(Value::Integer)),
                Summary::Plain(figures) => (None, figures.all().map(Value::Real)),
            };
            let [min, max, sum, first, last] = figures;
            block.execute(named_params! {
                ":id": id,
                ":scale": scale,
                ":min": min,
                ":max": max,
                ":sum": sum,
                ":first": first,
                ":last": last,
                ":data": packed.data,
            })?;
        }
        Ok(())
    }

    fn leave_unmerged(&self, ids: &[i64]) -> Result<()> {
        let mut done = self.prepare_cached(DONE)?;
        ids.iter().try_for_each(|id| done.execute(named_params! { ":id": id }).map(drop))?;
        Ok(())
    }

    fn delete_spans(&self, ids: &[i64]) -> Result<()> {
        for times in ids {
            self.prepare_cached(DELETE_BLOCKS)?.execute(named_params! { ":times": times })?;
            self.prepare_cached(DELETE_CELLS)?.execute(named_params! { ":times": times })?;
            self.prepare_cached(DELETE_TIMES)?.execute(named_params! { ":times": times })?;
        }
        Ok(())
    }

    fn delete_some_spans(&self, device: DeviceNo, at_most: usize) -> Result<usize> {
        let mut statement = self.prepare_cached(SOME_OF)?;
        let params = named_params! { ":device": device, ":at_most": i64::try_from(at_most).unwrap_or(i64::MAX) };
        let found: Vec<i64> = statement.query_map(params, |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        self.delete_spans(&found)?;
        Ok(found.len())
    }
}
