-- A checksum in each row that carries readings or says whose they are (store/row_sum.rs): SQLite checks how pages hang
-- together, not what is in them. NULL: the row has none yet, and is believed.
ALTER TABLE journal ADD COLUMN crc INTEGER;
ALTER TABLE times ADD COLUMN crc INTEGER; -- over all but `data`, which has its own
ALTER TABLE latest ADD COLUMN crc INTEGER;
ALTER TABLE receive_window ADD COLUMN crc INTEGER;

-- Those that change rarely: any change takes the sum away, and the writer puts a new one there before it commits.
ALTER TABLE device ADD COLUMN crc INTEGER;
CREATE INDEX device_without_crc ON device (no) WHERE crc IS NULL;
CREATE TRIGGER device_changed AFTER UPDATE OF no, id, key, name, standing, labels, model, version, address,
    first_seen_at, last_seen_at, interval_ms, handshake_counter ON device
BEGIN
    UPDATE device SET crc = NULL WHERE no = NEW.no;
END;

ALTER TABLE series ADD COLUMN crc INTEGER;
CREATE INDEX series_without_crc ON series (id) WHERE crc IS NULL;
CREATE TRIGGER series_changed AFTER UPDATE OF id, device, sensor, unit, kind, interval_ms ON series
BEGIN
    UPDATE series SET crc = NULL WHERE id = NEW.id;
END;

ALTER TABLE sensor_number ADD COLUMN crc INTEGER;
CREATE INDEX sensor_number_without_crc ON sensor_number (device) WHERE crc IS NULL;
CREATE TRIGGER sensor_number_changed AFTER UPDATE OF device, number, series ON sensor_number
BEGIN
    UPDATE sensor_number SET crc = NULL WHERE device = NEW.device AND number = NEW.number;
END;

ALTER TABLE cut ADD COLUMN crc INTEGER;
CREATE INDEX cut_without_crc ON cut (device) WHERE crc IS NULL;
CREATE TRIGGER cut_changed AFTER UPDATE OF device, row, raw_from ON cut
BEGIN
    UPDATE cut SET crc = NULL WHERE device = NEW.device;
END;

ALTER TABLE setting ADD COLUMN crc INTEGER;
CREATE INDEX setting_without_crc ON setting (key) WHERE crc IS NULL;
CREATE TRIGGER setting_changed AFTER UPDATE OF key, value ON setting
BEGIN
    UPDATE setting SET crc = NULL WHERE key = NEW.key;
END;
